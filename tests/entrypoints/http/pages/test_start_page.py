"""The page `/` of development mode, which shows a token only to the developer."""

import asyncio
import html
import re
import shlex
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import Client

from backend.adapters.persistence.memory import InMemoryDatabase
from backend.container import Container
from backend.entrypoints.http.app import create_app
from backend.entrypoints.http.pages.start_page import StartPage
from backend.settings import Settings
from backend.testing.fakes import FakeTokenVerifier
from tests.entrypoints.http.asgi_client import RawResponse, send_request
from tests.entrypoints.http.conftest import ADA, MakeClient
from tests.entrypoints.http.pages.html_pages import Page

SECRET = "s" * 32
COMMAND = ".venv/bin/python -m backend"
TOKEN = "ada"
LOCAL = [(b"host", b"127.0.0.1:8000")]


def make_app(*, token: str | None = TOKEN, **values: Any) -> FastAPI:
    """Make an app with a start page; its token is `ada`."""
    names_issuer = "better_auth_url" in values or "oidc_issuer" in values
    issuer = {} if names_issuer else {"better_auth_secret": SECRET}
    settings = Settings.load(**{"docs": True, **issuer, **values})
    parts = {"token_verifier": FakeTokenVerifier({"ada": ADA}), "database": InMemoryDatabase()}
    make_token = (lambda: token) if token else None
    start_page = StartPage(command=COMMAND, issuer=settings.issuer_url, make_token=make_token)
    return create_app(Container(settings=settings, **parts), start_page=start_page.routes)


@pytest.fixture(scope="module")
def dev_app() -> FastAPI:
    return make_app()


async def get(
    app: FastAPI,
    path: str = "/",
    *,
    peer: str | None = "127.0.0.1",
    headers: list[tuple[bytes, bytes]] = LOCAL,
) -> RawResponse:
    """Send a request that comes from an address."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "client": (peer, 1234) if peer else None}, receive, send)

    return await send_request(serve, path, headers=headers)


async def page_of(app: FastAPI, **options: Any) -> Page:
    response = await get(app, **options)
    assert response.status == 200
    return Page("http://127.0.0.1:8000/", response.body.decode())


@pytest.mark.anyio
async def test_the_page_links_to_what_the_server_serves(dev_app: FastAPI) -> None:
    page = await page_of(dev_app)
    links = [url.removeprefix("http://127.0.0.1:8000") for url in page.links]
    assert list(dict.fromkeys(links)) == ["/docs", "/openapi.json", "/health/ready", "/metrics"]
    for path in [*links, *(url.removeprefix("http://127.0.0.1:8000") for url in page.loaded)]:
        assert (await get(dev_app, path)).status in {200, 503}, path


@pytest.mark.anyio
async def test_the_page_names_nothing_that_is_turned_off() -> None:
    page = await page_of(make_app(docs=False, metrics=False))
    assert page.links == ["http://127.0.0.1:8000/health/ready"]


@pytest.mark.anyio
async def test_the_page_obeys_the_policy_of_all_pages(dev_app: FastAPI) -> None:
    response = await get(dev_app)
    assert "script-src 'self';" in (response.header("content-security-policy") or "")
    assert response.header("x-frame-options") == "DENY"
    assert response.header("cache-control") == "no-store"
    page = await page_of(dev_app)
    assert page.inline == []
    assert len(page.loaded) == 2
    assert all(url.startswith("http://127.0.0.1:8000/start/") for url in page.loaded)


def test_the_commands_of_the_page_work(
    dev_app: FastAPI, make_client: MakeClient, runner: asyncio.Runner
) -> None:
    client = make_client(dev_app)
    text = runner.run(page_of(dev_app)).text
    (token,) = re.findall(r"TOKEN=(\S+)", text)
    assert token == "ada"
    commands = re.findall(r"^curl (?:.*\\\n)*.*$", text, re.MULTILINE)
    statuses = [send_curl(client, command.replace("$TOKEN", token)) for command in commands]
    assert statuses == [200, 201, 200]


def send_curl(client: Client, command: str) -> int:
    """Send the request that a command of curl would send."""
    _, url, *options = shlex.split(command.replace("\\\n", ""))
    headers, body = {}, None
    for name, value in zip(options[::2], options[1::2], strict=True):
        if name == "-H":
            header, _, content = value.partition(": ")
            headers[header] = content
        else:
            assert name == "-d"
            body = value
    path = url.removeprefix("http://127.0.0.1:8000")
    method = "GET" if body is None else "POST"
    return client.request(method, path, headers=headers, content=body).status_code


@pytest.mark.anyio
@pytest.mark.parametrize("peer", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", [b"127.0.0.1:8000", b"localhost", b"localhost:1", b"[::1]:8000"])
async def test_a_browser_of_this_machine_sees_a_token(
    dev_app: FastAPI, peer: str, host: bytes
) -> None:
    text = (await page_of(dev_app, peer=peer, headers=[(b"host", host)])).text
    assert "TOKEN=ada\n" in text
    assert f"curl http://{host.decode()}/api/me" in text


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("192.0.2.1", LOCAL),  # another machine
        ("2001:db8::1", LOCAL),
        ("::ffff:192.0.2.1", LOCAL),
        ("/run/api.sock", LOCAL),
        (None, LOCAL),
        ("127.0.0.1", [(b"host", b"attacker.example:8000")]),  # DNS rebinding
        ("127.0.0.1", [(b"host", b"a_b.attacker.example:8000")]),
        ("127.0.0.1", [(b"host", b"localhost.attacker.example")]),
        ("127.0.0.1", [(b"host", b"127.0.0.1.attacker.example")]),
        ("127.0.0.1", [(b"host", b"[")]),
        ("127.0.0.1", []),
        ("127.0.0.1", [*LOCAL, (b"host", b"attacker.example")]),
        ("127.0.0.1", [*LOCAL, (b"x-forwarded-for", b"192.0.2.1")]),  # a proxy
        ("127.0.0.1", [*LOCAL, (b"x-forwarded-host", b"api.example.com")]),
        ("127.0.0.1", [*LOCAL, (b"x-forwarded-proto", b"https")]),
        ("127.0.0.1", [*LOCAL, (b"x-forwarded-server", b"proxy")]),
        ("127.0.0.1", [*LOCAL, (b"x-real-ip", b"192.0.2.1")]),
        ("127.0.0.1", [*LOCAL, (b"via", b"1.1 proxy")]),
        ("127.0.0.1", [*LOCAL, (b"forwarded", b"for=192.0.2.1")]),
        ("127.0.0.1", [*LOCAL, (b"origin", b"https://attacker.example")]),  # fetch with CORS
    ],
)
async def test_other_clients_see_no_token(
    dev_app: FastAPI, peer: str | None, headers: list[tuple[bytes, bytes]]
) -> None:
    response = await get(dev_app, peer=peer, headers=headers)
    assert response.status == 200
    assert "ada" not in response.body.decode()
    assert f"TOKEN=$({COMMAND} token)\n" in Page("http://testserver/", response.body.decode()).text


@pytest.mark.anyio
async def test_the_page_says_that_better_auth_issues_the_tokens() -> None:
    page = await page_of(make_app(better_auth_url="http://127.0.0.1:1", token=None))
    assert "Your issuer makes the tokens: http://127.0.0.1:1." in page.text
    assert "TOKEN=paste-your-token\n" in page.text
    assert "Connect Better Auth" not in page.text
    assert f"{COMMAND} doctor" in page.text


@pytest.mark.anyio
async def test_the_page_names_an_issuer_of_openid_connect() -> None:
    issuer = "https://id.example.com/realms/main"
    app = make_app(auth_provider="oidc", oidc_issuer=issuer, auth_audience="todo-api", token=None)
    page = await page_of(app)
    assert f"Your issuer makes the tokens: {issuer}." in page.text
    assert "TOKEN=paste-your-token\n" in page.text
    assert "BETTER_AUTH_SECRET" not in page.text


@pytest.mark.anyio
async def test_no_token_is_made_if_an_issuer_is_configured() -> None:
    page = await page_of(make_app(better_auth_url="http://127.0.0.1:1", token=TOKEN))
    assert TOKEN not in page.text


@pytest.mark.anyio
async def test_the_page_shows_no_token_if_the_developer_has_set_a_secret() -> None:
    text = (await page_of(make_app(token=None))).text
    assert f"TOKEN=$({COMMAND} token)\n" in text
    assert "Tokens are signed with your BETTER_AUTH_SECRET." in text
    assert "BETTER_AUTH_URL=http://localhost:3000" in text
    assert SECRET not in text


@pytest.mark.anyio
async def test_values_are_escaped() -> None:
    start_page = StartPage(command="<b>&", make_token=lambda: "<i>\"'")
    settings = Settings.load(better_auth_secret=SECRET)
    parts = {"token_verifier": FakeTokenVerifier({}), "database": InMemoryDatabase()}
    other = create_app(Container(settings=settings, **parts), start_page=start_page.routes)
    body = (await get(other)).body.decode()
    assert "<i>" not in body
    assert "<b>&" not in body
    assert html.escape("TOKEN=<i>\"'") in body


@pytest.mark.anyio
async def test_the_page_works_behind_a_path_prefix() -> None:
    app = make_app(root_path="/todos")
    for path in ("/", "/todos/"):
        response = await get(app, path)
        page = Page("http://127.0.0.1:8000/todos/", response.body.decode())
        assert "curl http://127.0.0.1:8000/todos/api/me" in page.text
        for url in [*page.loaded, *page.links]:
            stripped = url.removeprefix("http://127.0.0.1:8000/todos")
            assert stripped != url
            assert (await get(app, stripped)).status in {200, 503}


def test_the_root_is_not_found_without_a_start_page(anonymous: Client) -> None:
    response = anonymous.get("/")
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/problem+json"
    assert anonymous.get("/start/x/start.css").status_code == 404
