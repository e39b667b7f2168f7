"""The limits of a connection: the costs that a client without credentials can cause."""

import logging
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar

import pytest
from fastapi.responses import PlainTextResponse, StreamingResponse

from backend.entrypoints.server import limits
from backend.testing.fakes import FakeTokenVerifier
from tests.e2e.processes import wait_for
from tests.entrypoints.http.conftest import ADA
from tests.entrypoints.http.sockets import Server, request
from tests.entrypoints.server.apps import SlowVerifier, app_with, assert_closed_soon, receive_all

LIVE = request(b"GET /health/live")
TODO = b'{"title":"x"}'
LONG = 40_000  # bytes; less than the transport buffers before it pauses writing


def server_with(verifier: FakeTokenVerifier) -> Server:
    return Server(app_with(verifier))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(app_with(FakeTokenVerifier({"ada": ADA})), keep_alive=1) as running:
        yield running


@pytest.fixture
def short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the timeouts so that a test can wait for them."""
    monkeypatch.setattr(limits, "CHECK_INTERVAL", 0.02)
    monkeypatch.setattr(limits, "HEAD_TIMEOUT", 0.2)
    monkeypatch.setattr(limits, "DRAIN_TIMEOUT", 0.2)
    monkeypatch.setattr(limits, "DRAIN_MIN_BYTES", 256)


@pytest.mark.parametrize(
    "endless_head",
    [b"a:b\r\n" * 100_000, b"Cookie: " + b";" * 8_000_000, b"A: " + b"x" * 8_000_000],
)
def test_an_endless_head_is_cut_off(server: Server, endless_head: bytes) -> None:
    with server.connect() as connection:
        try:
            connection.sendall(b"GET /api/me HTTP/1.1\r\nHost: x\r\n" + endless_head)
        except ConnectionError:
            return
        assert not receive_all(connection).startswith(b"HTTP/1.1 200")


def test_an_endless_request_target_is_cut_off(server: Server) -> None:
    response = server.ask(b"GET /" + b"a" * 200_000)
    assert response == b"" or response.startswith(b"HTTP/1.1 400")


def test_endless_trailers_are_cut_off(server: Server) -> None:
    head = request(b"POST /api/todos", b"Transfer-Encoding: chunked")
    with server.connect() as connection:
        connection.sendall(head + b"1\r\n{\r\n0\r\n")
        with pytest.raises(ConnectionError):  # noqa: PT012 - any of the sends may fail
            for _ in range(100):
                connection.sendall(b"a:b\r\n" * 2_000)
                time.sleep(0.01)


def test_chunk_sizes_of_a_long_body_do_not_count_as_a_long_head(server: Server) -> None:
    body = b'{"title":"x","description":"' + b"d" * 9_000 + b'"}'
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    head = request(
        b"POST /api/todos",
        b"Authorization: Bearer ada",
        b"Content-Type: application/json",
        b"Transfer-Encoding: chunked",
    )
    assert server.ask(head + chunks).startswith(b"HTTP/1.1 201")


def test_trailers_are_not_headers(server: Server) -> None:
    head = request(
        b"POST /api/todos", b"Content-Type: application/json", b"Transfer-Encoding: chunked"
    )
    trailers = b"Authorization: Bearer ada\r\n\r\n"
    response = server.ask(head + b"%x\r\n%b\r\n0\r\n" % (len(TODO), TODO) + trailers)
    assert response.startswith(b"HTTP/1.1 401")


@pytest.mark.usefixtures("short_timeouts")
@pytest.mark.parametrize("start", [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\n", b"\r\n"])
def test_a_silent_client_is_disconnected(server: Server, start: bytes) -> None:
    with server.connect() as connection:
        connection.sendall(start)
        assert_closed_soon(connection)


@pytest.mark.usefixtures("short_timeouts")
@pytest.mark.parametrize("start", [b"\r\n", b"GE", b"GET / HTTP/1.1\r\nHost"])
def test_a_client_that_is_silent_after_a_response_is_disconnected(
    server: Server, start: bytes
) -> None:
    with server.connect() as connection:
        connection.sendall(LIVE)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
        connection.sendall(start)
        assert_closed_soon(connection)


@pytest.mark.usefixtures("short_timeouts")
def test_the_rest_of_a_body_has_a_time_limit_after_the_response(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(request(b"POST /api/todos", b"Content-Length: 100"))
        assert connection.recv(65_536).startswith(b"HTTP/1.1 401")
        connection.sendall(b"x")
        assert_closed_soon(connection)


@pytest.mark.usefixtures("short_timeouts")
def test_a_slow_response_is_sent_in_full(caplog: pytest.LogCaptureFixture) -> None:
    with server_with(SlowVerifier({"ada": ADA})) as server:
        response = server.ask(request(b"GET /api/me", b"Authorization: Bearer ada"))
    assert response.startswith(b"HTTP/1.1 200")
    assert not caplog.records


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(LIVE * 5 + request(b"GET /api/me", b"Connection: close"))
        responses = receive_all(connection)
    assert [responses.count(b"HTTP/1.1 %d" % status) for status in (200, 401)] == [5, 1]
    assert responses.index(b"HTTP/1.1 401") > responses.rindex(b"HTTP/1.1 200")


def test_a_pipelined_request_inherits_no_context_variable_of_the_request_before_it() -> None:
    app = app_with(FakeTokenVerifier(), public=("/exchange",))
    variable: ContextVar[str] = ContextVar("variable", default="nothing")

    @app.get("/exchange")
    async def exchange() -> PlainTextResponse:
        inherited = variable.get()
        variable.set("the user of the first request")
        return PlainTextResponse(inherited)

    with Server(app) as server, server.connect() as connection:
        exchanges = request(b"GET /exchange") + request(b"GET /exchange", b"Connection: close")
        connection.sendall(exchanges)
        responses = receive_all(connection)
    assert (responses.count(b"nothing"), responses.count(b"the user of")) == (2, 0)


def test_too_many_pipelined_requests_get_400() -> None:
    with server_with(SlowVerifier({"ada": ADA})) as server, server.connect() as connection:
        connection.sendall(request(b"GET /api/me", b"Authorization: Bearer ada") + LIVE * 100)
        responses = receive_all(connection)
    assert responses.startswith(b"HTTP/1.1 200")
    assert responses.count(b"HTTP/1.1 200") == limits.PIPELINED_MAX + 1
    assert responses.rindex(b"HTTP/1.1 400") > responses.rindex(b"HTTP/1.1 200")


def test_a_disconnect_causes_no_error(caplog: pytest.LogCaptureFixture) -> None:
    with server_with(SlowVerifier({"ada": ADA})) as server:
        with server.connect() as connection:
            slow = request(b"GET /api/me", b"Authorization: Bearer ada")
            connection.sendall(slow + LIVE + b"\0garbage\r\n\r\n")
        time.sleep(0.5)
        assert server.ask(LIVE).startswith(b"HTTP/1.1 200")
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.usefixtures("short_timeouts")
def test_a_client_that_is_silent_after_the_rest_of_a_body_is_disconnected(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(request(b"POST /api/todos", b"Content-Length: 10"))
        assert connection.recv(65_536).startswith(b"HTTP/1.1 401")
        connection.sendall(b"0123456789")
        assert_closed_soon(connection)


ADA_JSON = (b"Authorization: Bearer ada", b"Content-Type: application/json")


def test_a_request_is_answered_before_the_400_for_garbage_after_it(server: Server) -> None:
    head = request(b"POST /api/todos", *ADA_JSON, b"Content-Length: %d" % len(TODO))
    with server.connect() as connection:
        connection.sendall(head + TODO + b"\0garbage\r\n\r\n")
        responses = receive_all(connection)
    assert responses.startswith(b"HTTP/1.1 201")
    assert responses.count(b"HTTP/1.1 400") == 1


async def broken_body() -> AsyncIterator[bytes]:
    yield b"x" * LONG
    raise OSError("cannot read the rest")


@pytest.fixture
def small_buffers() -> Iterator[Server]:
    """A server with small send buffers, so that responses wait until the client reads them."""
    app = app_with(FakeTokenVerifier(), public=("/long", "/broken"))
    app.add_api_route("/long", lambda: PlainTextResponse("x" * LONG))
    app.add_api_route("/broken", lambda: StreamingResponse(broken_body()))
    with Server(app, keep_alive=1) as running:
        for listener in running.servers[0].sockets:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        yield running


@pytest.fixture
def one_second_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the timeouts to one second for responses of any size."""
    monkeypatch.setattr(limits, "CHECK_INTERVAL", 0.1)
    monkeypatch.setattr(limits, "HEAD_TIMEOUT", 1.0)
    monkeypatch.setattr(limits, "DRAIN_TIMEOUT", 1.0)


@pytest.mark.usefixtures("one_second_timeouts")
@pytest.mark.parametrize(
    "requests",
    [
        pytest.param(request(b"GET /long") * 10, id="many requests"),
        pytest.param(request(b"GET /long", b"Connection: close"), id="last request"),
        pytest.param(request(b"GET /long") + b"\0garbage\r\n\r\n", id="garbage"),
        pytest.param(request(b"GET /long"), id="single request"),
        pytest.param(request(b"GET /broken"), id="broken responses"),
    ],
)
def test_a_client_that_reads_no_response_is_cut_off(small_buffers: Server, requests: bytes) -> None:
    with small_buffers.connect(receive_buffer=4096) as connection:
        connection.sendall(requests)
        wait_for(lambda: small_buffers.server_state.connections or None)
        wait_for(lambda: not small_buffers.server_state.connections or None, within=30)


@pytest.mark.usefixtures("short_timeouts")
@pytest.mark.parametrize("count", [1, 4])
def test_a_client_that_reads_slowly_gets_every_response(small_buffers: Server, count: int) -> None:
    requests = request(b"GET /long") * (count - 1) + request(b"GET /long", b"Connection: close")
    received = bytearray()
    with small_buffers.connect(receive_buffer=4096) as connection:
        connection.sendall(requests)
        while data := connection.recv(4096):
            received += data
            time.sleep(0.03)
    assert received.count(b"x" * LONG) == count


@pytest.mark.usefixtures("one_second_timeouts")
def test_no_read_timeout_while_the_client_waits_for_a_response() -> None:
    verifier = SlowVerifier({"ada": ADA})
    verifier.seconds = 1.5
    slow = request(b"GET /api/me", b"Authorization: Bearer ada")
    with server_with(verifier) as server, server.connect() as connection:
        connection.sendall(slow + LIVE[:20])
        response = connection.recv(65_536)
        connection.sendall(LIVE[20:])
        assert response.startswith(b"HTTP/1.1 200")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "sent", [request(b"POST /api/todos", b"Content-Length: 9"), LIVE + b"G"], ids=["body", "head"]
)
def test_an_answered_client_that_does_not_finish_gives_its_place_to_another(sent: bytes) -> None:
    with (
        Server(app_with(FakeTokenVerifier()), connections_max=1) as server,
        server.connect() as first,
    ):
        first.sendall(sent)
        assert first.recv(65_536)
        time.sleep(0.1)
        assert server.ask(LIVE).startswith(b"HTTP/1.1 200")
        receive_all(first)


@pytest.mark.usefixtures("short_timeouts")
def test_the_kernel_drops_the_output_of_a_client_that_is_cut(small_buffers: Server) -> None:
    with small_buffers.connect(receive_buffer=4096) as connection:
        connection.sendall(request(b"GET /long") * 5)
        wait_for(lambda: small_buffers.server_state.connections or None)
        wait_for(lambda: not small_buffers.server_state.connections or None, within=30)
        with pytest.raises(ConnectionResetError):  # noqa: PT012 - any of the calls may fail
            while connection.recv(65_536):
                pass
