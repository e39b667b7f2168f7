"""Clients that hold a connection: endless bodies, unread output, idle connections."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY

from backend.entrypoints.server import limits
from tests.e2e.processes import wait_for
from tests.entrypoints.http.conftest import ADA
from tests.entrypoints.http.sockets import Server, request
from tests.entrypoints.server.apps import SlowVerifier, app_with, echo_app

LIVE = request(b"GET /health/live")


@pytest.fixture(autouse=True)
def short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the limits so that a test can wait for them."""
    monkeypatch.setattr(limits, "CHECK_INTERVAL", 0.02)
    monkeypatch.setattr(limits, "HEAD_TIMEOUT", 0.3)
    monkeypatch.setattr(limits, "BODY_TIMEOUT", 0.3)
    monkeypatch.setattr(limits, "DRAIN_TIMEOUT", 0.3)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(echo_app()) as running:
        for listener in running.servers[0].sockets:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        yield running


def cuts(reason: str) -> float:
    return REGISTRY.get_sample_value("http_connections_cut_total", {"reason": reason}) or 0


def is_closed(connection: socket.socket) -> bool:
    """Return whether the server has closed the connection, without waiting."""
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def deaf(server: Server, *requests: bytes) -> socket.socket:
    """Send requests, and read no response."""
    connection = server.connect(receive_buffer=4096)
    connection.sendall(b"".join(requests))
    return connection


def long(size: int) -> bytes:
    return request(b"GET /long?bytes=%d" % size)


def unsent(server: Server) -> int:
    return sum(
        connection.transport.get_write_buffer_size()
        for connection in list(server.server_state.connections)
    )


@pytest.mark.parametrize("framing", [b"Content-Length: 10000", b"Transfer-Encoding: chunked"])
def test_a_body_without_end_is_cut(server: Server, framing: bytes) -> None:
    piece = b"1\r\nx\r\n" if b"chunked" in framing else b"x"
    before, started = cuts("slow_body"), time.monotonic()
    with server.connect() as connection:
        connection.sendall(request(b"POST /echo", framing))
        while not is_closed(connection):
            connection.setblocking(True)
            connection.send(piece)
            time.sleep(0.05)  # always sooner than the limit of a pause
            assert time.monotonic() - started < 3
    assert cuts("slow_body") == before + 1


def test_a_slow_body_above_the_least_rate_is_read(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(request(b"POST /echo", b"Content-Length: 5120"))
        for _ in range(10):
            connection.sendall(b"x" * 512)
            time.sleep(0.1)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_client_that_reads_no_response_of_any_length_is_cut(server: Server, count: int) -> None:
    before, started = cuts("slow_reader"), time.monotonic()
    with deaf(server, *[long(4_000_000)] * count):
        wait_for(lambda: unsent(server) or None)
        wait_for(lambda: not server.server_state.connections or None)
    assert time.monotonic() - started < 3
    assert cuts("slow_reader") == before + 1


def test_a_client_that_reads_nothing_holds_only_one_response(server: Server) -> None:
    with deaf(server, *[long(1_000_000)] * 5):
        wait_for(lambda: unsent(server) or None)
        time.sleep(0.1)
        assert unsent(server) < 1_100_000
        assert len(server.server_state.tasks) == 0


def test_a_client_that_stops_reading_a_small_response_is_cut(server: Server) -> None:
    with deaf(server, long(50_000)):
        wait_for(lambda: unsent(server) or None)
        wait_for(lambda: not server.server_state.connections or None, within=3)


def test_a_slow_reader_gets_the_responses_to_all_requests(server: Server) -> None:
    received = bytearray()
    last = request(b"GET /long?bytes=300000", b"Connection: close")
    with deaf(server, long(300_000), long(300_000), last) as connection:
        while data := connection.recv(32_768):
            received += data
            time.sleep(0.005)
    assert received.count(b"HTTP/1.1 200") == 3
    assert received.count(b"x" * 300_000) == 3


def test_unread_output_is_limited(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DRAIN_TIMEOUT", 60.0)
    monkeypatch.setattr(limits, "UNSENT_MAX_BYTES", 3_000_000)
    before = cuts("unsent_output")
    with contextlib.ExitStack() as clients:
        for _ in range(10):
            clients.enter_context(deaf(server, long(1_000_000)))
        wait_for(lambda: cuts("unsent_output") >= before + 7 or None)
        wait_for(lambda: unsent(server) <= 3_000_000 or None)  # a cut frees its output a bit later
        assert server.ask(LIVE).startswith(b"HTTP/1.1 200")


def test_an_idle_connection_lives_for_the_time_that_is_set() -> None:
    with Server(echo_app(), keep_alive=1) as server, server.connect() as connection:
        connection.sendall(LIVE)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
        time.sleep(0.7)  # longer than the time for a head
        assert not is_closed(connection)
        wait_for(lambda: is_closed(connection) or None, within=3)


def test_a_connection_above_the_limit_gets_503() -> None:
    app = app_with(SlowVerifier({"ada": ADA}))
    slow = request(b"GET /api/me", b"Authorization: Bearer ada")
    with Server(app, connections_max=2) as server, contextlib.ExitStack() as clients:
        busy = [clients.enter_context(server.connect()) for _ in range(2)]
        for connection in busy:
            connection.sendall(slow)
        time.sleep(0.1)
        with server.connect() as connection:
            connection.sendall(LIVE)
            head, _, body = connection.recv(65_536).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503")
        assert b"retry-after: 1" in head
        assert json.loads(body)["code"] == "too_many_connections"
        for connection in busy:
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
        assert server.ask(LIVE).startswith(b"HTTP/1.1 200")


def test_silent_connections_do_not_keep_others_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HEAD_TIMEOUT", 60.0)
    with Server(echo_app(), connections_max=5) as server, contextlib.ExitStack() as clients:
        silent = [clients.enter_context(server.connect()) for _ in range(20)]
        for connection in silent[10:]:
            connection.sendall(b"GET / HTTP/1.1\r\n")
        assert server.ask(LIVE).startswith(b"HTTP/1.1 200")
