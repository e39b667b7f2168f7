"""A WebSocket of an adopter's app: who may open the connection, and when the connection ends."""

import json
import time

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from backend.testing import Issuer
from tests.adopters.conftest import ServeApp
from tests.adopters.servers import AppServer
from tests.e2e.processes import wait_for


@pytest.fixture(scope="module")
def server(serve: ServeApp) -> AppServer:
    return serve("live:app", AUTH_LEEWAY="0")


@pytest.fixture
def url(server: AppServer) -> str:
    return server.url.replace("http", "ws", 1) + "/notes/live"


def test_programs_send_a_header(url: str, key_server: Issuer) -> None:
    headers = {"Authorization": f"Bearer {key_server.token(sub='ada')}"}
    with connect(url, additional_headers=headers) as websocket:
        websocket.send("hello")
        assert websocket.recv() == "ada: hello"


def test_browsers_send_a_subprotocol(url: str, key_server: Issuer) -> None:
    token = key_server.token(sub="ada")
    with connect(url, subprotocols=["bearer", token]) as websocket:  # type: ignore[list-item]  # NewType
        assert websocket.subprotocol == "bearer"
        websocket.send("hello")
        assert websocket.recv() == "ada: hello"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer a.b.c"}])
def test_other_clients_get_401(url: str, headers: dict[str, str]) -> None:
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(url, additional_headers=headers),
    ):
        pass
    response = refused.value.response
    assert response.status_code == 401
    assert json.loads(response.body or b"")["status"] == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer ")


def test_the_connection_ends_with_the_token(
    server: AppServer, url: str, key_server: Issuer
) -> None:
    token = key_server.token(sub="ada", exp=int(time.time()) + 3)
    headers = {"Authorization": f"Bearer {token}"}
    with connect(url, additional_headers=headers) as websocket:
        websocket.send("hello")
        assert websocket.recv() == "ada: hello"
        with pytest.raises(ConnectionClosed) as closed:
            websocket.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (3000, "token_expired")
    wait_for(lambda: "closed with 3000" in server.output or None, within=5)
    assert "Traceback" not in server.output
