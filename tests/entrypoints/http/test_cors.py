"""CORS: pages of other origins can call the API, and can read every answer."""

from typing import Any

import pytest
from fastapi import FastAPI, HTTPException
from httpx2 import Client

from backend.domain.todo_repository import RepositoryUnavailableError
from backend.testing.fakes import FakeTokenVerifier, principal
from tests.entrypoints.http.asgi_client import send_request
from tests.entrypoints.http.conftest import MakeApp, MakeClient

PAGE = "https://app.example.com"
FROM_PAGE = {"Origin": PAGE, "Authorization": "Bearer ada"}
SENT = [
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "traceparent",
    "tracestate",
    "baggage",
    "X-Request-ID",
]


def preflight(client: Client, method: str, *headers: str, origin: str = PAGE, **more: str) -> Any:
    request_headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": ", ".join(headers),
    }
    return client.options("/api/todos/x", headers={**request_headers, **more})


@pytest.fixture
def client(make_app: MakeApp, make_client: MakeClient) -> Client:
    public = ("/defect", "/outage", "/teapot")
    app = make_app(public=public, cors_origins=PAGE, trusted_hosts="testserver")

    @app.get("/defect")
    async def defect() -> None:
        raise ZeroDivisionError

    @app.get("/outage")
    async def outage() -> None:
        raise RepositoryUnavailableError("down")

    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418)

    return make_client(app, raising=False)


@pytest.mark.parametrize(
    ("status", "method", "path", "more"),
    [
        (200, "GET", "/api/me", {}),
        (200, "HEAD", "/api/me", {}),
        (201, "POST", "/api/todos", {"json": {"title": "x"}}),
        (400, "GET", "/api/me", {"headers": {"Host": "other.example"}}),
        (
            400,
            "POST",
            "/api/todos",
            {"content": b"\xff", "headers": {"Content-Type": "application/json"}},
        ),
        (401, "GET", "/api/me", {"headers": {"Authorization": "Bearer x"}}),
        (404, "GET", "/api/nothing", {}),
        (405, "PUT", "/api/me", {}),
        (405, "OPTIONS", "/api/me", {}),
        (
            413,
            "POST",
            "/api/todos",
            {"content": b" " * 65_537, "headers": {"Content-Type": "application/json"}},
        ),
        (418, "GET", "/teapot", {}),
        (422, "GET", "/api/todos?limit=0", {}),
        (500, "GET", "/defect", {}),
        (503, "GET", "/outage", {}),
    ],
)
def test_every_answer_carries_the_cors_headers(
    client: Client, status: int, method: str, path: str, more: dict[str, Any]
) -> None:
    parts = {**more, "headers": {**FROM_PAGE, **more.get("headers", {})}}
    response = client.request(method, path, **parts)
    assert response.status_code == status
    assert response.headers["Access-Control-Allow-Origin"] == PAGE
    assert "Origin" in response.headers["Vary"]
    exposed = response.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"WWW-Authenticate", "ETag", "Location", "Retry-After", "X-Request-ID"} <= set(exposed)
    assert "X-Request-ID" in response.headers


@pytest.mark.parametrize("path", ["/api/me", "/defect"])
def test_pages_of_other_origins_cannot_read_answers(client: Client, path: str) -> None:
    response = client.get(path, headers={**FROM_PAGE, "Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("header", SENT)
def test_pages_may_send_the_headers_of_the_api(client: Client, header: str) -> None:
    response = preflight(client, "PATCH", header.lower())
    assert response.status_code == 200
    assert header in response.headers["Access-Control-Allow-Headers"].split(", ")


def test_pages_may_not_send_other_headers(client: Client) -> None:
    assert preflight(client, "PATCH", "x-tenant").status_code == 400


def test_further_headers_are_a_setting(make_app: MakeApp, make_client: MakeClient) -> None:
    client = make_client(make_app(cors_origins=PAGE, cors_headers="X-Tenant, sentry-trace"))
    assert preflight(client, "GET", "x-tenant", "sentry-trace", *SENT).status_code == 200
    assert preflight(client, "GET", "x-other").status_code == 400


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_pages_may_use_every_common_method(client: Client, method: str) -> None:
    response = preflight(client, method, "authorization")
    assert response.status_code == 200
    assert method in response.headers["Access-Control-Allow-Methods"].split(", ")


def test_pages_may_use_the_methods_of_added_routes(
    make_app: MakeApp, make_client: MakeClient
) -> None:
    app = make_app(public=("/notes",), cors_origins=PAGE)

    @app.api_route("/notes", methods=["QUERY"])
    async def query() -> str:
        return "found"

    client = make_client(app)
    assert preflight(client, "QUERY", "authorization").status_code == 200
    assert preflight(client, "TRACE", "authorization").status_code == 400


def test_a_preflight_is_answered_for_every_host(client: Client) -> None:
    # Otherwise a page could not read the 400, which names the problem.
    assert preflight(client, "GET", "authorization", Host="other.example").status_code == 200


@pytest.mark.parametrize(
    "origin", ["capacitor://localhost", "tauri://localhost", "moz-extension://0b2e-41f"]
)
def test_apps_and_extensions_are_origins(
    make_app: MakeApp, make_client: MakeClient, origin: str
) -> None:
    client = make_client(make_app(cors_origins=f"{PAGE},{origin}"))
    assert preflight(client, "PATCH", "authorization", origin=origin).status_code == 200
    response = client.get("/api/me", headers={**FROM_PAGE, "Origin": origin})
    assert response.headers["Access-Control-Allow-Origin"] == origin


@pytest.mark.parametrize(("origin", "status"), [("capacitor://localhost", 201), ("tauri://x", 403)])
def test_apps_may_change_data_with_session_cookies(
    make_app: MakeApp, make_client: MakeClient, origin: str, status: int
) -> None:
    parts = {"session_verifier": FakeTokenVerifier({"session": principal("ada")})}
    app = make_app(auth_cookie="compact", cors_origins=f"{PAGE},capacitor://localhost", parts=parts)
    headers = {"Origin": origin, "Cookie": "better-auth.session_data=session"}
    response = make_client(app).post("/api/todos", headers=headers, json={"title": "x"})
    assert response.status_code == status


@pytest.mark.anyio
async def test_responses_have_no_cors_headers_without_origins(app: FastAPI) -> None:
    response = await send_request(app, "/api/me", headers=[(b"origin", PAGE.encode())])
    assert response.header("access-control-allow-origin") is None
    assert response.header("vary") is None


def test_cors_preflight_needs_no_credentials(make_app: MakeApp, make_client: MakeClient) -> None:
    app = make_app(cors_origins="https://app.example.com")
    preflight = {
        "Origin": "https://app.example.com",
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization, if-match",
    }
    client = make_client(app)
    response = client.options("/api/todos/x", headers=preflight)
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert "PATCH" in response.headers["Access-Control-Allow-Methods"]
    assert "Access-Control-Allow-Credentials" not in response.headers
    rejected = client.options(
        "/api/todos/x", headers={**preflight, "Origin": "https://evil.example"}
    )
    assert rejected.status_code == 400
    assert "Access-Control-Allow-Origin" not in rejected.headers


def test_401_responses_carry_cors_headers(make_app: MakeApp, make_client: MakeClient) -> None:
    client = make_client(make_app(cors_origins="https://app.example.com"))
    response = client.get("/api/me", headers={"Origin": "https://app.example.com"})
    assert response.status_code == 401
    assert response.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert "X-Request-ID" in response.headers["Access-Control-Expose-Headers"]
