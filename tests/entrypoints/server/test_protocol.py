"""What strangers may cost a server before it knows who they are."""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, StreamingResponse

from backend.adapters.persistence.memory import InMemoryTodoRepository
from backend.container import Container
from backend.domain.auth import Principal
from backend.entrypoints.http.app import create_app
from backend.entrypoints.server import protocol as wire
from backend.settings import Settings
from tests.e2e.processes import wait_for
from tests.entrypoints.http.conftest import ADA
from tests.entrypoints.http.sockets import Server, request
from tests.fakes import FakeTokenVerifier

LIVE = request(b"GET /health/live")
TODO = b'{"title":"x"}'
LONG = 40_000  # bytes, fewer than a connection's buffer holds


class SlowVerifier(FakeTokenVerifier):
    """Takes its time, as one that has to fetch keys does."""

    seconds = 0.3

    async def verify(self, token: str, /) -> Principal:
        await asyncio.sleep(self.seconds)
        return await super().verify(token)


def app_with(verifier: FakeTokenVerifier) -> FastAPI:
    settings = Settings.load(better_auth_secret="s" * 32)
    parts = {"token_verifier": verifier, "todos": InMemoryTodoRepository()}
    return create_app(Container(settings=settings, **parts))


def server_with(verifier: FakeTokenVerifier) -> Server:
    return Server(app_with(verifier))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with server_with(FakeTokenVerifier({"ada": ADA})) as running:
        yield running


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the server lose its patience as soon as a test can wait for."""
    monkeypatch.setattr(wire, "PATIENCE", 0.2)


def received(connection: socket.socket) -> bytes:
    """Return all that comes until the server closes."""
    answer = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65_536):
            answer += piece
    return bytes(answer)


@pytest.mark.parametrize(
    "endless",
    [b"a:b\r\n" * 100_000, b"Cookie: " + b";" * 8_000_000, b"A: " + b"x" * 8_000_000],
)
def test_a_head_that_does_not_end_is_cut_off(server: Server, endless: bytes) -> None:
    with server.connect() as connection:
        try:
            connection.sendall(b"GET /api/me HTTP/1.1\r\nHost: x\r\n" + endless)
        except ConnectionError:
            return
        assert not received(connection).startswith(b"HTTP/1.1 200")


def test_a_target_that_does_not_end_is_cut_off(server: Server) -> None:
    answer = server.ask(b"GET /" + b"a" * 200_000)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")


def test_trailers_that_do_not_end_are_cut_off(server: Server) -> None:
    head = request(b"POST /api/todos", b"Transfer-Encoding: chunked")
    with server.connect() as connection:
        connection.sendall(head + b"1\r\n{\r\n0\r\n")
        with pytest.raises(ConnectionError):  # noqa: PT012 - which of the pieces it is, varies
            for _ in range(100):
                connection.sendall(b"a:b\r\n" * 2_000)
                time.sleep(0.01)


def test_a_long_body_is_no_long_head(server: Server) -> None:
    body = b'{"title":"x","description":"' + b"d" * 9_000 + b'"}'
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    head = request(
        b"POST /api/todos",
        b"Authorization: Bearer ada",
        b"Content-Type: application/json",
        b"Transfer-Encoding: chunked",
    )
    assert server.ask(head + chunks).startswith(b"HTTP/1.1 201")


def test_a_trailer_is_no_header(server: Server) -> None:
    head = request(
        b"POST /api/todos", b"Content-Type: application/json", b"Transfer-Encoding: chunked"
    )
    trailers = b"Authorization: Bearer ada\r\n\r\n"
    answer = server.ask(head + b"%x\r\n%b\r\n0\r\n" % (len(TODO), TODO) + trailers)
    assert answer.startswith(b"HTTP/1.1 401")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("begun", [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\n", b"\r\n"])
def test_who_says_no_more_is_not_waited_for(server: Server, begun: bytes) -> None:
    with server.connect() as connection:
        connection.sendall(begun)
        started = time.monotonic()
        received(connection)
        assert time.monotonic() - started < 3


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("begun", [b"\r\n", b"GE", b"GET / HTTP/1.1\r\nHost"])
def test_who_was_answered_is_not_waited_for_either(server: Server, begun: bytes) -> None:
    with server.connect() as connection:
        connection.sendall(LIVE)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
        connection.sendall(begun)
        started = time.monotonic()
        received(connection)
        assert time.monotonic() - started < 3


@pytest.mark.usefixtures("impatient")
def test_an_answered_request_has_a_time_to_end(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(request(b"POST /api/todos", b"Content-Length: 100"))
        assert connection.recv(65_536).startswith(b"HTTP/1.1 401")
        connection.sendall(b"x")
        started = time.monotonic()
        received(connection)
        assert time.monotonic() - started < 3


@pytest.mark.usefixtures("impatient")
def test_a_slow_answer_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    with server_with(SlowVerifier({"ada": ADA})) as server:
        answer = server.ask(request(b"GET /api/me", b"Authorization: Bearer ada"))
    assert answer.startswith(b"HTTP/1.1 200")
    assert not caplog.records


def test_requests_in_advance_are_answered_in_their_order(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(LIVE * 5 + request(b"GET /api/me", b"Connection: close"))
        answer = received(connection)
    assert [answer.count(b"HTTP/1.1 %d" % status) for status in (200, 401)] == [5, 1]
    assert answer.index(b"HTTP/1.1 401") > answer.rindex(b"HTTP/1.1 200")


def test_too_many_requests_in_advance_are_refused() -> None:
    with server_with(SlowVerifier({"ada": ADA})) as server, server.connect() as connection:
        connection.sendall(request(b"GET /api/me", b"Authorization: Bearer ada") + LIVE * 100)
        answer = received(connection)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.count(b"HTTP/1.1 200") == wire.PIPELINED_MAX + 1
    assert answer.rindex(b"HTTP/1.1 400") > answer.rindex(b"HTTP/1.1 200")


def test_who_breaks_off_causes_no_error(caplog: pytest.LogCaptureFixture) -> None:
    with server_with(SlowVerifier({"ada": ADA})) as server:
        with server.connect() as connection:
            slow = request(b"GET /api/me", b"Authorization: Bearer ada")
            connection.sendall(slow + LIVE + b"\0garbage\r\n\r\n")
        time.sleep(0.5)
        assert server.ask(LIVE).startswith(b"HTTP/1.1 200")
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


@pytest.mark.usefixtures("impatient")
def test_who_ends_an_answered_request_and_says_no_more_is_not_waited_for(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(request(b"POST /api/todos", b"Content-Length: 10"))
        assert connection.recv(65_536).startswith(b"HTTP/1.1 401")
        connection.sendall(b"0123456789")
        started = time.monotonic()
        received(connection)
        assert time.monotonic() - started < 3


UPGRADE = (b"Connection: Upgrade", b"Upgrade: h2c")
ADAS_JSON = (b"Authorization: Bearer ada", b"Content-Type: application/json")


@pytest.mark.parametrize("length", [b"Content-Length: 13", b"Transfer-Encoding: chunked"])
def test_a_body_behind_an_upgrade_is_no_request(server: Server, length: bytes) -> None:
    head = request(b"POST /api/todos", *ADAS_JSON, *UPGRADE, length)
    with server.connect() as connection:
        connection.sendall(head + LIVE)
        answer = received(connection)
    assert answer.count(b"HTTP/1.1") == 1
    assert answer.startswith(b"HTTP/1.1 400")


def test_an_upgrade_that_is_not_made_ends_the_connection(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(request(b"GET /health/live", *UPGRADE))
        answer = received(connection)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer


def test_a_request_is_answered_whatever_comes_behind_it(server: Server) -> None:
    head = request(b"POST /api/todos", *ADAS_JSON, b"Content-Length: %d" % len(TODO))
    with server.connect() as connection:
        connection.sendall(head + TODO + b"\0garbage\r\n\r\n")
        answer = received(connection)
    assert answer.startswith(b"HTTP/1.1 201")
    assert answer.count(b"HTTP/1.1 400") == 1


async def in_vain() -> AsyncIterator[bytes]:
    yield b"x" * LONG
    raise OSError("the rest cannot be read")


@pytest.fixture
def cramped() -> Iterator[Server]:
    """A server whose answers leave it only as fast as they are read, but for a few KiB."""
    app = app_with(FakeTokenVerifier())
    app.add_api_route("/long", lambda: PlainTextResponse("x" * LONG))
    app.add_api_route("/broken", lambda: StreamingResponse(in_vain()))
    with Server(app, timeout_keep_alive=1) as running:
        for listener in running.servers[0].sockets:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        yield running


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the server expect its answers to be read at once, but for a second."""
    monkeypatch.setattr(wire, "PATIENCE", 1.0)
    monkeypatch.setattr(wire, "PACE", 1_000_000)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(request(b"GET /long") * 10, id="more and more"),
        pytest.param(request(b"GET /long", b"Connection: close"), id="no more"),
        pytest.param(request(b"GET /long") + b"\0garbage\r\n\r\n", id="garbage"),
        pytest.param(request(b"GET /long"), id="nothing more, without saying so"),
        pytest.param(request(b"GET /broken"), id="what breaks off"),
    ],
)
def test_who_reads_no_answer_is_cut_off(cramped: Server, asked: bytes) -> None:
    with cramped.connect(receiving=4096) as connection:
        connection.sendall(asked)
        wait_for(lambda: cramped.server_state.connections or None)
        wait_for(lambda: not cramped.server_state.connections or None, within=30)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("times", [1, 4])
def test_who_reads_slowly_gets_it_all(cramped: Server, times: int) -> None:
    asked = request(b"GET /long") * (times - 1) + request(b"GET /long", b"Connection: close")
    answer = bytearray()
    with cramped.connect(receiving=4096) as connection:
        connection.sendall(asked)
        while piece := connection.recv(4096):
            answer += piece
            time.sleep(0.03)
    assert answer.count(b"x" * LONG) == times


@pytest.mark.usefixtures("hasty")
def test_who_waits_for_an_answer_may_be_in_the_middle_of_the_next_request() -> None:
    verifier = SlowVerifier({"ada": ADA})
    verifier.seconds = 1.5
    slow = request(b"GET /api/me", b"Authorization: Bearer ada")
    with server_with(verifier) as server, server.connect() as connection:
        connection.sendall(slow + LIVE[:20])
        answer = connection.recv(65_536)
        connection.sendall(LIVE[20:])
        assert answer.startswith(b"HTTP/1.1 200")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
