"""WebSockets with roles, without a token, on routers, in a `TestClient` and with an override."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from backend.entrypoints.http import authenticated
from backend.testing import Issuer, bearer, principal
from tests.adopters.apps import rooms
from tests.adopters.conftest import ServeApp
from tests.adopters.servers import AppServer


@pytest.fixture(scope="module")
def server(serve: ServeApp) -> AppServer:
    return serve("rooms:app")


def dial(server: AppServer, path: str, **options: Any) -> ClientConnection:
    """Open a WebSocket."""
    url = server.url.replace("http:", "ws:") + path
    connection: ClientConnection = connect(url, proxy=None, **options)
    return connection


@pytest.mark.parametrize("path", ["/echo", "/rooms/blue"])
def test_an_anonymous_handshake_gets_401_with_a_problem(server: AppServer, path: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        dial(server, path)
    response = caught.value.response
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer realm=")
    assert json.loads(response.body)["code"] == "missing_token"


def test_an_expired_token_gets_401(server: AppServer, key_server: Issuer) -> None:
    for path in ("/echo", "/news"):
        with pytest.raises(InvalidStatus) as caught:
            dial(server, path, additional_headers=bearer(key_server.token(exp=1)))
        assert json.loads(caught.value.response.body)["code"] == "token_expired"


def test_a_websocket_may_require_a_role(server: AppServer, key_server: Issuer) -> None:
    admin = bearer(key_server.token(sub="ada", role="admin"))
    with dial(server, "/rooms/blue", additional_headers=admin) as websocket:
        assert websocket.recv() == "ada in blue"
    with pytest.raises(InvalidStatus) as caught:
        dial(server, "/rooms/blue", additional_headers=bearer(key_server.token()))
    assert caught.value.response.status_code == 403


def test_a_websocket_may_be_public_or_optional(server: AppServer, key_server: Issuer) -> None:
    with dial(server, "/time") as websocket:
        assert websocket.recv() == "noon"
    with dial(server, "/news") as websocket:
        assert websocket.recv() == "anonymous"
    headers = bearer(key_server.token(sub="ada"))
    with dial(server, "/news", additional_headers=headers) as websocket:
        assert websocket.recv() == "ada"


def test_a_test_client_opens_websockets(issuer_environment: Issuer) -> None:
    headers = bearer(issuer_environment.token(sub="ada"))
    with TestClient(rooms.app) as client:
        with client.websocket_connect("/echo", headers=headers) as websocket:
            websocket.send_text("hello")
            assert websocket.receive_text() == "ada: hello"
        with pytest.raises(WebSocketDenialResponse), client.websocket_connect("/echo"):
            pass


def test_an_override_of_the_principal_works_on_websockets() -> None:
    rooms.app.dependency_overrides[authenticated] = lambda: principal("grace")
    try:
        with TestClient(rooms.app) as client, client.websocket_connect("/echo") as websocket:
            websocket.send_text("hello")
            assert websocket.receive_text() == "grace: hello"
    finally:
        rooms.app.dependency_overrides.clear()
