"""`/docs`: Swagger UI without a CDN, under a strict Content-Security-Policy."""

import base64
import hashlib
import re
from importlib.metadata import distribution
from urllib.parse import urlsplit

import pytest
from httpx2 import Client

from backend.entrypoints.http.pages.documentation import PACKAGE, SWAGGER_UI
from tests.entrypoints.http.conftest import MakeApp, MakeClient
from tests.entrypoints.http.pages.html_pages import Page


def read_page(client: Client, path: str = "/docs") -> Page:
    response = client.get(path)
    assert response.status_code == 200
    return Page(f"http://testserver{path}", response.text)


def file_of(client: Client, name: str) -> str:
    """Return the URL of a file that the page loads."""
    (url,) = (url for url in read_page(client).loaded if url.endswith(f"/{name}"))
    return url


def test_the_page_loads_files_of_this_server_only(anonymous: Client) -> None:
    loaded = read_page(anonymous).loaded
    assert len(loaded) == 5
    for url in loaded:
        assert url.startswith("http://testserver/docs/")
        response = anonymous.get(url)
        assert response.status_code == 200
        assert len(response.content) == int(response.headers["Content-Length"]) > 0


def test_the_files_of_swagger_ui_are_those_of_the_locked_package(anonymous: Client) -> None:
    recorded = {
        file.name: file.hash.value
        for file in distribution(PACKAGE).files or ()
        if file.name in SWAGGER_UI and file.hash and file.hash.mode == "sha256"
    }
    assert set(recorded) == set(SWAGGER_UI)
    for name, expected in recorded.items():
        digest = hashlib.sha256(anonymous.get(file_of(anonymous, name)).content).digest()
        assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == expected


def test_swagger_ui_can_show_openapi_3_1(anonymous: Client) -> None:
    script = anonymous.get(file_of(anonymous, "swagger-ui-bundle.js")).text
    version = re.search(r'PACKAGE_VERSION:"(\d+)\.(\d+)\.', script)
    assert version
    assert (int(version[1]), int(version[2])) >= (5, 34)
    assert anonymous.get("/openapi.json").json()["openapi"].startswith("3.1.")


def test_the_page_has_no_inline_script_and_no_inline_style(anonymous: Client) -> None:
    assert read_page(anonymous).inline == []


def test_no_style_and_no_script_of_this_project_loads_from_another_server(
    anonymous: Client,
) -> None:
    for name in ("swagger-ui.css", "documentation.css"):
        style = anonymous.get(file_of(anonymous, name)).text
        addresses = re.findall(r"url\(\s*['\"]?([^'\")]{0,8})", style)
        assert [address for address in addresses if not address.startswith("data:")] == []
        assert "@import" not in style
    script = anonymous.get(file_of(anonymous, "documentation.js")).text
    assert "//" not in re.sub(r"(?m)^\s*//.*| // .*", "", script)
    assert "validatorUrl: null" in script


def test_the_page_says_so_if_a_script_does_not_load(anonymous: Client) -> None:
    html = anonymous.get("/docs").text
    assert "<noscript>" in html
    assert "The documentation has not loaded yet." in html
    assert read_page(anonymous).links == ["http://testserver/openapi.json"] * 2


def test_the_page_cannot_be_framed_and_loads_from_this_server_only(anonymous: Client) -> None:
    headers = anonymous.get("/docs").headers
    policy = dict(
        part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
    )
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_browsers_keep_the_files_but_not_the_page(anonymous: Client) -> None:
    assert anonymous.get("/docs").headers["Cache-Control"] == "no-cache"
    for url in read_page(anonymous).loaded:
        headers = anonymous.get(url).headers
        assert headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "path",
    [
        "/docs/0000000000000000/swagger-ui.css",
        "/docs/{version}/main.py",
        "/docs/{version}/..%2f__init__.py",
        "/docs/{version}/",
        "/docs/{version}",
        "/docs/",
        "/docs/oauth2-redirect",
        "/redoc",
    ],
)
def test_nothing_else_is_served(anonymous: Client, path: str) -> None:
    version = urlsplit(file_of(anonymous, "swagger-ui.css")).path.split("/")[2]
    response = anonymous.get(path.format(version=version))
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/problem+json"


def test_the_files_of_the_documentation_are_not_served_if_it_is_off(
    anonymous: Client, make_app: MakeApp, make_client: MakeClient
) -> None:
    client = make_client(make_app(docs=False))
    for url in [*read_page(anonymous).loaded, "/docs", "/openapi.json"]:
        assert client.get(url).status_code == 404


def test_documentation_answers_head(anonymous: Client) -> None:
    for url in ["/docs", *read_page(anonymous).loaded]:
        response = anonymous.head(url)
        assert (response.status_code, response.content) == (200, b"")
        assert int(response.headers["Content-Length"]) > 0


@pytest.mark.parametrize("prefix", ["", "/todos", "/docs"])
def test_the_page_works_behind_a_path_prefix(
    make_app: MakeApp, make_client: MakeClient, prefix: str
) -> None:
    client = make_client(make_app(root_path=prefix))
    html = client.get("/docs").text  # the proxy strips the prefix
    page = Page(f"http://testserver{prefix}/docs", html)
    for url in [*page.loaded, *page.links]:
        path = urlsplit(url).path
        assert path.startswith(f"{prefix}/")
        assert client.get(path.removeprefix(prefix)).status_code == 200
    assert client.get("/openapi.json").json()["servers"] == [{"url": prefix or "/"}]
