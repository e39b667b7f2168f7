"""With AUTH_REQUIRE_SCOPES, the Todo API asks for a scope to read and another scope to write."""

import pytest
from httpx2 import Client, Response

from backend.testing import FakeTokenVerifier, principal
from tests.entrypoints.http.conftest import MakeApp, MakeClient

PATH = "/api/todos"
EXPORT = "/api/me/export"
UNKNOWN = f"{PATH}/01a1fb5f-f08e-7f5e-9cb6-2719083547c9"
REQUESTS = {
    ("GET", PATH): "todos:read",
    ("HEAD", PATH): "todos:read",
    ("GET", UNKNOWN): "todos:read",
    ("POST", PATH): "todos:write",
    ("PATCH", UNKNOWN): "todos:write",
    ("DELETE", UNKNOWN): "todos:write",
    ("GET", EXPORT): "todos:read",
    ("HEAD", EXPORT): "todos:read",
    ("DELETE", "/api/me"): "todos:write",
}
ALLOWED = {("GET", UNKNOWN): 404, ("POST", PATH): 201, ("PATCH", UNKNOWN): 404}
ALLOWED |= {("DELETE", UNKNOWN): 404, ("DELETE", "/api/me"): 204}


@pytest.fixture
def verifier() -> FakeTokenVerifier:
    return FakeTokenVerifier(
        {
            "todos-read": principal("ada", scopes=["todos:read"]),
            "todos-write": principal("ada", scopes=["todos:write"]),
            "none": principal("ada"),
        }
    )


def send(client: Client, method: str, path: str) -> Response:
    body = {"title": "x"} if method in {"POST", "PATCH"} else None
    return client.request(method, path, json=body)


@pytest.mark.parametrize("request_", REQUESTS)
def test_each_operation_requires_its_scope(
    make_app: MakeApp, make_client: MakeClient, request_: tuple[str, str]
) -> None:
    app, scope = make_app(auth_require_scopes=True), REQUESTS[request_]
    response = send(make_client(app, scope.replace(":", "-")), *request_)
    assert response.status_code == ALLOWED.get(request_, 200)
    for token in {"todos-read", "todos-write", "none"} - {scope.replace(":", "-")}:
        response = send(make_client(app, token), *request_)
        assert response.status_code == 403
        assert response.headers["WWW-Authenticate"] == (
            f'Bearer realm="api", error="insufficient_scope", scope="{scope}"'
        )
    assert send(make_client(app), *request_).status_code == 401


@pytest.mark.parametrize("path", ["/api/me", "/health/live"])
def test_other_operations_require_no_scope(
    make_app: MakeApp, make_client: MakeClient, path: str
) -> None:
    app = make_app(auth_require_scopes=True)
    assert make_client(app, "none").get(path).status_code == 200


def test_no_scope_is_required_without_the_setting(
    make_app: MakeApp, make_client: MakeClient
) -> None:
    assert make_client(make_app(), "none").get(PATH).status_code == 200


def test_openapi_shows_the_scopes(make_app: MakeApp) -> None:
    paths = make_app(auth_require_scopes=True).openapi()["paths"]
    assert {"Bearer": ["todos:read"]} in paths[PATH]["get"]["security"]
    assert {"Bearer": ["todos:write"]} in paths[PATH]["post"]["security"]
    assert paths["/api/me"]["get"]["security"] == [{"Bearer": []}]


def test_unknown_methods_still_get_405(make_app: MakeApp, make_client: MakeClient) -> None:
    response = make_client(make_app(auth_require_scopes=True), "none").put(PATH)
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD, POST"
