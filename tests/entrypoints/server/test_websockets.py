"""WebSockets on the server: the handshake, the limits, the log and the end."""

import contextlib
import json
import logging
import socket
import struct
import time
from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from backend.domain.auth import Principal, VerifierUnavailableError
from backend.entrypoints.http.auth import websockets
from backend.entrypoints.http.auth.dependencies import CurrentPrincipal
from backend.entrypoints.server import limits
from backend.entrypoints.server.logs import configure_logging
from backend.settings import Settings
from backend.testing.fakes import FakeTokenVerifier
from tests.e2e.processes import wait_for
from tests.entrypoints.access_log import access_lines
from tests.entrypoints.http.sockets import Server, request
from tests.entrypoints.server.apps import app_with, receive_all

KEY = b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg=="
VERSION = b"Sec-WebSocket-Version: 13"
OFFER = (b"Upgrade: websocket", b"Connection: keep-alive, Upgrade")
HANDSHAKE = (*OFFER, KEY, VERSION)


PUBLIC = ("/echo", "/headers", "/flood", "/slow")
ADA = Principal(user_id="ada", expires_at=1000.0)


def websocket_app(clock: Callable[[], float] = time.time) -> FastAPI:
    """Return the API with public WebSockets, and with a WebSocket that sends the id of its user."""
    verifier = FakeTokenVerifier({"ada": ADA, "late": VerifierUnavailableError("down")})
    app = app_with(verifier, public=PUBLIC, clock=clock)

    @app.websocket("/user")
    async def tell_user(websocket: WebSocket, principal: CurrentPrincipal) -> None:
        await websocket.accept()
        await websocket.send_text(principal.user_id)
        with contextlib.suppress(WebSocketDisconnect):
            await websocket.receive_text()

    @app.websocket("/echo")
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            async for text in websocket.iter_text():
                await websocket.send_text(text)

    @app.websocket("/headers")
    async def headers(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(str(len(websocket.headers["x-long"])))

    @app.websocket("/flood")
    async def flood(websocket: WebSocket) -> None:
        await websocket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await websocket.send_bytes(b"x" * 65_536)

    @app.websocket("/slow")
    async def slow(websocket: WebSocket) -> None:
        await websocket.receive()  # the handshake
        await websocket.receive()  # the end

    return app


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(websocket_app()) as running:
        yield running


def address(server: Server, path: str = "/echo") -> str:
    with server.connect() as connection:
        return "ws://{}:{}{}".format(*connection.getpeername(), path)


def opened(server: Server, path: str = "/echo") -> ClientConnection:
    return connect(address(server, path), ping_interval=None)


def frame(opcode: int, data: bytes = b"", *, final: bool = True) -> bytes:
    """Return a masked frame (RFC 6455, section 5.2). The mask changes nothing: it is zero."""
    length = (
        struct.pack("!B", 0x80 | len(data))
        if len(data) < 126
        else b"\xfe" + struct.pack("!H", len(data))
    )
    return bytes([opcode | (0x80 if final else 0)]) + length + b"\0\0\0\0" + data


def raw(server: Server) -> socket.socket:
    """Open a WebSocket, and return its connection after the response to the handshake."""
    connection = server.connect()
    connection.sendall(request(b"GET /echo", *HANDSHAKE))
    assert connection.recv(65_536).startswith(b"HTTP/1.1 101 ")
    return connection


def close_code(received: bytes) -> int:
    """Return the code of a close frame, which is all that was received."""
    assert received[0] == 0x88
    return int.from_bytes(received[2:4], "big")


def test_messages_go_both_ways(server: Server) -> None:
    with opened(server) as websocket:
        for text in ("one", "zwölf", "x" * 60_000):
            websocket.send(text)
            assert websocket.recv() == text


def test_a_handshake_in_many_pieces_is_accepted(server: Server) -> None:
    head = request(b"GET /echo", *HANDSHAKE)
    with server.connect() as connection:
        for byte in head:
            connection.sendall(bytes([byte]))
        assert connection.recv(65_536).startswith(b"HTTP/1.1 101 ")
        connection.sendall(frame(1, b"hello"))
        assert connection.recv(65_536) == b"\x81\x05hello"


def test_a_handshake_after_a_response_is_accepted(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(request(b"GET /health/live"))
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(request(b"GET /echo", *HANDSHAKE))
        assert connection.recv(65_536).startswith(b"HTTP/1.1 101 ")


def test_headers_may_be_as_long_as_those_of_a_request(server: Server) -> None:
    long = b"X-Long: " + b"x" * 50_000
    with server.connect() as connection:
        connection.sendall(request(b"GET /headers", *HANDSHAKE, long))
        assert b"50000" in receive_all(connection)
    with server.connect() as connection:
        connection.sendall(request(b"GET /headers", *HANDSHAKE, long, long))
        assert b'"head_too_large"' in receive_all(connection)


@pytest.mark.parametrize(
    ("head", "headers"),
    [
        (b"POST /echo", HANDSHAKE),
        (b"GET /echo", (*HANDSHAKE, b"Content-Length: 0")),
        (b"GET /echo", (*HANDSHAKE, b"Transfer-Encoding: chunked")),
        (b"GET /echo", (*HANDSHAKE, b"Upgrade: h2c")),
        (b"GET /echo", (b"Upgrade: h2c", *HANDSHAKE[1:])),
        (b"GET /echo", (*OFFER, VERSION)),
        (b"GET /echo", (OFFER[0], b"Connection: keep-alive", KEY, VERSION)),
    ],
)
def test_other_offers_are_ignored(server: Server, head: bytes, headers: tuple[bytes, ...]) -> None:
    body = b"0\r\n\r\n" if b"Transfer-Encoding: chunked" in headers else b""
    last = request(b"GET /health/live", b"Connection: close")
    with server.connect() as connection:
        connection.sendall(request(head, *headers) + body + last)
        received = receive_all(connection)
    assert received.startswith(b"HTTP/1.1 404 ")  # no such route of HTTP
    assert received.count(b"HTTP/1.1 200 ") == 1


def test_a_handshake_behind_an_unanswered_request_is_ignored(server: Server) -> None:
    with server.connect() as connection:
        first = request(b"GET /health/ready")
        connection.sendall(first + request(b"GET /echo", *HANDSHAKE, b"Connection: close"))
        received = receive_all(connection)
    assert [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]] == [b"200", b"404"]


@pytest.mark.parametrize(
    "headers",
    [
        (*OFFER, KEY),
        (*OFFER, KEY, b"Sec-WebSocket-Version: 8"),
        (*OFFER, KEY, VERSION, VERSION),
        (*OFFER, b"Sec-WebSocket-Key: short", VERSION),
        (*OFFER, KEY, KEY, VERSION),
        (*HANDSHAKE, b"Sec-WebSocket-Protocol: a/b"),
    ],
)
def test_malformed_handshakes_get_400(server: Server, headers: tuple[bytes, ...]) -> None:
    with server.connect() as connection:
        connection.sendall(request(b"GET /echo", *headers))
        head, _, body = receive_all(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"sec-websocket-version: 13" in head.split(b"\r\n")
    assert json.loads(body)["code"] == "malformed_handshake"


@pytest.mark.parametrize("early", [frame(1, b"early"), request(b"GET /next"), b"x" * 40_000])
def test_data_before_the_response_is_refused(server: Server, early: bytes) -> None:
    with server.connect() as connection:
        connection.sendall(request(b"GET /echo", *HANDSHAKE) + early)
        received = receive_all(connection)
    assert received == b"" or b'"malformed_handshake"' in received  # the kernel may drop it


@pytest.mark.parametrize("early", [frame(1, b"early"), frame(9), b"\xff" * 100])
def test_data_while_the_app_decides_is_refused_and_logged_once(
    server: Server, caplog: pytest.LogCaptureFixture, early: bytes
) -> None:
    caplog.set_level(logging.INFO)
    with server.connect() as connection:
        connection.sendall(request(b"GET /slow", *HANDSHAKE, b"X-Request-ID: id-of-the-client"))
        time.sleep(0.1)
        connection.sendall(early)
        received = receive_all(connection)
    assert b'"malformed_handshake"' in received
    assert b'"id-of-the-client"' in received
    (line,) = wait_for(lambda: access_lines(caplog) or None)
    assert (line["method"], line["route"], line["status"]) == ("WEBSOCKET", "/slow", 400)
    assert (line["reason"], line["request_id"]) == ("malformed_handshake", "id-of-the-client")


def test_a_message_that_is_too_large_closes_the_connection(server: Server) -> None:
    with opened(server) as websocket:
        websocket.send("x" * limits.MESSAGE_MAX_BYTES)
        assert len(websocket.recv()) == limits.MESSAGE_MAX_BYTES
        with contextlib.suppress(ConnectionClosed):
            websocket.send("x" * (limits.MESSAGE_MAX_BYTES + 1))
        with pytest.raises(ConnectionClosed) as closed:
            websocket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


def test_a_message_of_too_many_fragments_closes_the_connection(server: Server) -> None:
    with raw(server) as connection:
        connection.sendall(frame(1, b"x", final=False))
        connection.sendall(frame(0, final=False) * (limits.FRAGMENTS_MAX + 10))
        assert close_code(receive_all(connection)) == 1009


def test_a_message_of_fragments_is_received(server: Server) -> None:
    with raw(server) as connection:
        count = limits.FRAGMENTS_MAX - 2
        connection.sendall(frame(1, b"x", final=False) + frame(0, final=False) * count)
        connection.sendall(frame(0, b"y"))
        assert connection.recv(65_536) == b"\x81\x02xy"


def test_messages_are_not_compressed(server: Server) -> None:
    with opened(server) as websocket:
        assert websocket.response is not None
        assert "Sec-WebSocket-Extensions" not in websocket.response.headers


def test_a_client_that_answers_no_ping_is_closed() -> None:
    with Server(websocket_app()) as server:
        server.config.ws_ping_interval = server.config.ws_ping_timeout = 0.2
        with raw(server) as connection:
            received = receive_all(connection)
    ping, close = received[:6], received[6:]
    assert (ping[0], close_code(close)) == (0x89, 1011)


def test_a_client_that_does_not_read_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHECK_INTERVAL", 0.1)
    monkeypatch.setattr(limits, "DRAIN_TIMEOUT", 0.5)
    with (
        Server(websocket_app()) as server,
        server.connect(receive_buffer=4096) as connection,
    ):
        connection.sendall(request(b"GET /flood", *HANDSHAKE))
        wait_for(lambda: server.server_state.connections or None, within=5)
        wait_for(lambda: not server.server_state.connections or None, within=10)
        wait_for(lambda: not server.server_state.tasks or None, within=5)


def test_websockets_leave_connections_for_requests() -> None:
    with Server(websocket_app(), connections_max=4) as server, contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(raw(server))
        with server.connect() as connection:
            connection.sendall(request(b"GET /echo", *HANDSHAKE))
            received = receive_all(connection)
        assert received.startswith(b"HTTP/1.1 503 ")
        assert b'"too_many_websockets"' in received
        assert server.ask(request(b"GET /health/live")).startswith(b"HTTP/1.1 200 ")


def test_closed_websockets_do_not_count() -> None:
    with Server(websocket_app(), connections_max=2) as server:
        for _ in range(5):
            with opened(server) as websocket:
                websocket.send("x")
                assert websocket.recv() == "x"
            wait_for(lambda: not server.server_state.connections or None, within=5)


def test_the_end_of_the_server_closes_websockets_and_refuses_handshakes() -> None:
    with (
        Server(websocket_app()) as server,
        opened(server) as websocket,
        server.connect() as waiting,
    ):
        waiting.sendall(request(b"GET /slow", *HANDSHAKE))
        time.sleep(0.2)
        server.should_exit = True
        refusal = receive_all(waiting)
        with pytest.raises(ConnectionClosed) as closed:
            websocket.recv(timeout=5)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert refusal.startswith(b"HTTP/1.1 503 ")
    assert b'"shutting_down"' in refusal


def test_an_unknown_path_is_refused(server: Server) -> None:
    with pytest.raises(InvalidStatus) as refused:
        opened(server, "/unknown")
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("configured", [False, True])
def test_the_log_shows_neither_queries_nor_headers(
    caplog: pytest.LogCaptureFixture, *, configured: bool
) -> None:
    if configured:  # as `serve` does, which replaces the handlers and levels
        configure_logging(Settings())
        logging.getLogger().addHandler(caplog.handler)
    caplog.set_level(logging.DEBUG)
    with Server(websocket_app()) as server:
        url = address(server, "/echo?token=SECRET")
        with connect(url, additional_headers={"Authorization": "Bearer SECRET"}) as websocket:
            websocket.send("SECRET")
            assert websocket.recv() == "SECRET"
    lines = [record for record in caplog.records if not record.name.startswith("websockets.client")]
    assert not any("SECRET" in record.getMessage() for record in lines)
    assert any(record.getMessage().startswith("WEBSOCKET /echo 101 ") for record in lines)


def test_a_browser_authenticates_with_a_subprotocol(server: Server) -> None:
    with connect(address(server, "/user"), subprotocols=["bearer", "ada"]) as websocket:  # type: ignore[list-item]  # NewType
        assert websocket.subprotocol == "bearer"
        assert websocket.response is not None
        assert "ada" not in str(websocket.response.headers)


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [
        (None, 401, "missing_token"),
        ("mallory", 401, "invalid_token"),
        ("late", 503, "verifier_unavailable"),
    ],
)
def test_a_refused_handshake_gets_a_problem(
    server: Server, caplog: pytest.LogCaptureFixture, token: str | None, status: int, code: str
) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(address(server, "/user"), additional_headers=headers),
    ):
        pass
    response = refused.value.response
    body = json.loads(response.body or b"")
    assert (response.status_code, body["code"]) == (status, code)
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["X-Request-ID"] == body["request_id"]
    wait_for(lambda: not server.server_state.tasks or None, within=5)
    assert "handshake" not in caplog.text


def test_a_connection_is_closed_when_the_credential_expires(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websockets, "CHECK_INTERVAL", 0.01)
    now = 0.0
    headers = {"Authorization": "Bearer ada"}
    with (
        Server(websocket_app(lambda: now)) as server,
        connect(address(server, "/user"), additional_headers=headers) as websocket,
    ):
        assert websocket.recv() == "ada"
        now = 1010.0
        with pytest.raises(ConnectionClosed) as closed:
            websocket.recv(timeout=5)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (3000, "token_expired")
