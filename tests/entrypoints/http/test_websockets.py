"""Middleware serves WebSockets too: hosts, queries, prefixes, ids and the access log."""

import contextlib
import logging
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, WebSocket
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from backend.entrypoints.http.auth.dependencies import CurrentPrincipal
from backend.entrypoints.http.metrics.series import count_batch
from backend.entrypoints.http.query_limit import PARAMETERS_MAX
from tests.entrypoints.http.conftest import MakeApp

PAGE = "https://app.example.com"


@pytest.fixture
def make_websocket_app(make_app: MakeApp) -> Callable[..., FastAPI]:
    """Return a function that makes the API with some WebSockets."""

    def make(**values: Any) -> FastAPI:
        app = make_app(public=("/broken", "/gone", "/silent"), **values)

        @app.websocket("/user/{room}")
        async def tell_user(websocket: WebSocket, principal: CurrentPrincipal) -> None:
            await websocket.accept()
            await websocket.send_text(f"{principal.user_id} {websocket.url.path}")

        @app.websocket("/broken")
        async def fail(websocket: WebSocket) -> None:
            raise ZeroDivisionError

        @app.websocket("/gone")
        async def refuse(websocket: WebSocket) -> None:
            raise HTTPException(410, "This room is closed.")

        @app.websocket("/silent")
        async def close(websocket: WebSocket) -> None:
            await websocket.close()

        return app

    return make


def first_message(app: FastAPI, path: str, *, host: str = "testserver", **headers: str) -> str:
    """Open a WebSocket with the token of a user; return its first message."""
    sent = {"Authorization": "Bearer ada", **headers}
    with TestClient(app).websocket_connect(f"ws://{host}{path}", headers=sent) as websocket:
        return websocket.receive_text()


def problem(app: FastAPI, path: str, **options: str) -> WebSocketDenialResponse:
    """Open a WebSocket that is refused; return the response."""
    with pytest.raises(WebSocketDenialResponse) as denied:
        first_message(app, path, **options)
    assert denied.value.headers["content-type"] == "application/problem+json"
    return denied.value


def test_only_trusted_hosts_open_websockets(make_websocket_app: Callable[..., FastAPI]) -> None:
    app = make_websocket_app(trusted_hosts="api.example.com")
    assert first_message(app, "/user/1", host="api.example.com") == "ada /user/1"
    response = problem(app, "/user/1", host="evil.example")
    assert (response.status_code, response.json()["code"]) == (400, "untrusted_host")


def test_queries_of_websockets_are_limited(make_websocket_app: Callable[..., FastAPI]) -> None:
    app = make_websocket_app()
    query = "a=1" + "&a=1" * (PARAMETERS_MAX - 1)
    assert first_message(app, f"/user/1?{query}") == "ada /user/1"
    response = problem(app, f"/user/1?{query}&a=1")
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


def test_a_prefix_of_the_proxy_is_part_of_the_address(
    make_websocket_app: Callable[..., FastAPI],
) -> None:
    app = make_websocket_app(root_path="/prefix")
    assert first_message(app, "/user/1") == "ada /prefix/user/1"
    assert first_message(app, "/prefix/user/1") == "ada /prefix/user/1"


def test_pages_of_any_origin_may_open_websockets_with_a_token(
    make_websocket_app: Callable[..., FastAPI],
) -> None:
    app = make_websocket_app(cors_origins=PAGE)
    for origin in (PAGE, "https://evil.example"):
        assert first_message(app, "/user/1", Origin=origin) == "ada /user/1"


def test_a_refusal_has_the_headers_of_every_response(
    make_websocket_app: Callable[..., FastAPI],
) -> None:
    response = problem(make_websocket_app(), "/user/1", Authorization="Bearer x")
    assert response.status_code == 401
    assert response.headers["x-request-id"] == response.json()["request_id"]
    assert response.headers["x-content-type-options"] == "nosniff"
    sent = problem(make_websocket_app(), "/gone", **{"X-Request-ID": "mine"})
    assert (sent.status_code, sent.json()["detail"]) == (410, "This room is closed.")
    assert sent.headers["x-request-id"] == "mine"


@pytest.mark.parametrize(
    ("path", "headers", "line"),
    [
        ("/user/1?q=SECRET", {}, "WEBSOCKET /user/{room} 101"),
        ("/user/1?q=SECRET", {"Authorization": "Bearer SECRET"}, "WEBSOCKET /user/{room} 401"),
        ("/gone", {}, "WEBSOCKET /gone 410"),
        ("/silent", {}, "WEBSOCKET /silent 403"),
        ("/unknown", {}, "WEBSOCKET unmatched 403"),
        ("/broken", {}, "WEBSOCKET /broken 500"),
    ],
)
def test_the_access_log_and_the_metrics_count_handshakes(
    make_websocket_app: Callable[..., FastAPI],
    caplog: pytest.LogCaptureFixture,
    path: str,
    headers: dict[str, str],
    line: str,
) -> None:
    caplog.set_level(logging.INFO, "backend")
    app = make_websocket_app()
    sent = {"X-Request-ID": "id-of-the-client", **headers}
    with contextlib.suppress(WebSocketDisconnect, ZeroDivisionError):
        first_message(app, path, **sent)
    lines = [record for record in caplog.records if record.name == "backend.access"]
    assert [" ".join(record.getMessage().split()[:3]) for record in lines] == [line]
    assert [getattr(record, "request_id", None) for record in lines] == ["id-of-the-client"]
    assert "SECRET" not in caplog.text
    count_batch()
    route, status = line.split()[1:]
    text = TestClient(app).get("/metrics").text
    labels = f'method="WEBSOCKET",route="{route}",status="{status}"'
    assert f"http_request_duration_seconds_count{{{labels}}}" in text


def test_the_metrics_count_refused_credentials(
    make_websocket_app: Callable[..., FastAPI],
) -> None:
    app = make_websocket_app()

    def refused() -> float:
        lines = TestClient(app).get("/metrics").text.splitlines()
        labels = 'outcome="refused",reason="invalid_token"'
        found = [line for line in lines if f"auth_verifications_total{{{labels}}}" in line]
        return float(found[0].split()[-1]) if found else 0.0

    problem(app, "/user/1", Authorization="Bearer x")
    assert refused() >= 1.0
