"""Requests that the server refuses before the app: the problem, the log line, the metric."""

import json
import logging
import time
from collections.abc import Iterator
from contextvars import ContextVar

import pytest
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from prometheus_client import REGISTRY

from backend.entrypoints.http.log_fields import current_trace
from backend.entrypoints.http.metrics.series import count_batch
from backend.entrypoints.http.root_path import RootPath
from backend.entrypoints.server.logs import configure_logging
from backend.settings import Settings
from backend.testing.fakes import FakeTokenVerifier
from tests.e2e.processes import wait_for
from tests.entrypoints.access_log import access_lines
from tests.entrypoints.http.conftest import ADA
from tests.entrypoints.http.sockets import Server, request
from tests.entrypoints.server.apps import SlowVerifier, app_with, echo_app, receive_all
from tests.settings.environment import SECRET

CHUNKED = b"Transfer-Encoding: chunked"
MALFORMED_CHUNKS = [b"zz\r\n", b"5\r\nhelloX", b"-1\r\n", b"5 5\r\n", b"fffffffffffffffffff\r\n"]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(echo_app()) as running:
        yield running


def refusals(reason: str) -> float:
    return REGISTRY.get_sample_value("http_refusals_total", {"reason": reason}) or 0


def responses_by_status(status: int) -> float:
    count_batch()
    return sum(
        sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == "http_request_duration_seconds_count"
        and sample.labels["status"] == str(status)
    )


REFUSED = [
    pytest.param(b"\0garbage\r\n\r\n", "malformed_request", id="garbage"),
    pytest.param(b"GET / HTTP/9.9\r\n\r\n", "malformed_request", id="version"),
    pytest.param(request(b"GET http://localhost"), "malformed_request", id="no path"),
    pytest.param(request(b"GET http://a:99999/"), "malformed_request", id="port"),
    pytest.param(b"GET /" + b"a" * 70_000, "head_too_large", id="long target"),
    pytest.param(request(b"GET /", *[b"a: b"] * 200), "head_too_large", id="many headers"),
    pytest.param(request(b"POST /echo", CHUNKED) + b"zz\r\n", "malformed_request", id="chunk"),
]


@pytest.mark.parametrize(("sent", "code"), REFUSED)
def test_a_refusal_is_a_problem_with_a_log_line_and_a_metric(
    server: Server, caplog: pytest.LogCaptureFixture, sent: bytes, code: str
) -> None:
    caplog.set_level(logging.INFO)
    before = refusals(code)
    with server.connect() as connection:
        connection.sendall(sent)
        head, _, body = receive_all(connection).partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    assert lines[0] == b"http/1.1 400 bad request"
    assert b"content-type: application/problem+json" in lines
    assert b"connection: close" in lines
    assert b"cache-control: no-store" in lines
    problem = json.loads(body)
    assert {name: problem[name] for name in ("type", "title", "status", "code")} == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "code": code,
    }
    assert f"x-request-id: {problem['request_id']}".encode() in lines
    logged = access_lines(caplog)
    assert [(line["status"], line["reason"], line["request_id"]) for line in logged] == [
        (400, code, problem["request_id"])
    ]
    assert logged[0]["client"] == "127.0.0.1"
    assert refusals(code) == before + 1


def test_the_line_of_a_refusal_has_no_trace_of_the_request_before_it(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    trace: ContextVar[str | None] = ContextVar("trace", default=None)
    monkeypatch.setattr(current_trace, "find_id", trace.get)
    app = app_with(FakeTokenVerifier(), public=("/traced",))

    @app.get("/traced")
    async def start_trace() -> PlainTextResponse:
        trace.set("of the first request")
        return PlainTextResponse("traced")

    configure_logging(Settings.load(better_auth_secret=SECRET, log_format="json"))
    with Server(app) as server, server.connect() as connection:
        connection.sendall(request(b"GET /traced") + b"malformed\r\n\r\n")
        assert receive_all(connection).count(b"HTTP/1.1 400") == 1
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    traces = {line["status"]: line.get("trace_id") for line in lines if "status" in line}
    assert traces == {200: "of the first request", 400: None}


@pytest.mark.parametrize("chunk", MALFORMED_CHUNKS)
def test_malformed_chunks_get_400_at_once(server: Server, chunk: bytes) -> None:
    started = time.monotonic()
    with server.connect() as connection:
        connection.sendall(request(b"POST /echo", CHUNKED) + b"3\r\nabc\r\n" + chunk)
        response = receive_all(connection)
    assert response.startswith(b"HTTP/1.1 400")
    assert response.count(b"HTTP/1.1 ") == 1
    assert time.monotonic() - started < 2


def test_a_request_with_malformed_chunks_is_counted_and_logged_as_400(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    before = responses_by_status(400)
    with server.connect() as connection:
        connection.sendall(request(b"POST /echo", CHUNKED, b"X-Request-ID: mine") + b"zz\r\n")
        assert json.loads(receive_all(connection).partition(b"\r\n\r\n")[2])["request_id"] == "mine"
    wait_for(lambda: responses_by_status(400) == before + 1 or None)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_malformed_chunks_after_the_response_get_no_second_response(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(request(b"POST /api/todos", CHUNKED))
        assert connection.recv(65_536).startswith(b"HTTP/1.1 401")
        connection.sendall(b"zz\r\n")
        assert receive_all(connection) == b""


def test_a_pipelined_request_with_malformed_chunks_waits_for_the_responses_before_it() -> None:
    slow = request(b"GET /api/me", b"Authorization: Bearer ada")
    broken = request(b"POST /api/todos", CHUNKED) + b"zz\r\n"
    with Server(app_with(SlowVerifier({"ada": ADA}))) as server, server.connect() as connection:
        connection.sendall(slow + broken)
        received = receive_all(connection)
    assert received.startswith(b"HTTP/1.1 200")
    assert received.count(b"HTTP/1.1 400") == 1
    assert received.count(b"HTTP/1.1 ") == 2


@pytest.mark.parametrize("headers", [(), (b"Upgrade: h2c", b"Connection: upgrade")])
def test_a_malformed_target_does_not_take_the_response_of_the_request_before_it(
    server: Server, headers: tuple[bytes, ...]
) -> None:
    with server.connect() as connection:
        connection.sendall(request(b"GET /echo") + request(b"GET http://localhost", *headers))
        received = receive_all(connection)
    assert received.startswith(b"HTTP/1.1 200")
    assert received.count(b"HTTP/1.1 400") == 1
    assert received.count(b"HTTP/1.1 ") == 2


@pytest.mark.parametrize("trailer", [b"Connection: close", b"proxy-connection: close"])
def test_a_trailer_that_closes_the_connection_is_refused(server: Server, trailer: bytes) -> None:
    body = b"1\r\nx\r\n0\r\n" + trailer + b"\r\n\r\n"
    started = time.monotonic()
    with server.connect() as connection:
        connection.sendall(request(b"POST /echo", CHUNKED) + body + request(b"GET /next"))
        received = receive_all(connection)
    assert received.startswith(b"HTTP/1.1 400")
    assert received.count(b"HTTP/1.1 ") == 1
    assert time.monotonic() - started < 2


def test_a_client_that_goes_away_is_not_counted_as_400(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    before = responses_by_status(400), responses_by_status(499)
    with server.connect() as connection:
        connection.sendall(request(b"POST /echo", b"Content-Length: 100") + b"x")
        time.sleep(0.1)
    wait_for(lambda: responses_by_status(499) == before[1] + 1 or None)
    assert responses_by_status(400) == before[0]
    assert [record.getMessage().split(" ", 3)[:3] for record in caplog.records][-1] == [
        "POST",
        "/echo",
        "499",
    ]


def test_a_token_sent_to_a_broken_request_is_not_logged(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.ask(b"GET / HTTP/1.1\r\nAuthorization: Bearer hunter2\r\nbad header\r\n\r\n")
    assert refusals("malformed_request")
    assert "hunter2" not in caplog.text


def test_a_verifier_error_is_not_a_refusal_of_the_parser() -> None:
    before = refusals("malformed_request")
    with Server(app_with(FakeTokenVerifier())) as server:
        assert server.ask(request(b"GET /api/me")).startswith(b"HTTP/1.1 401")
    assert refusals("malformed_request") == before


def test_a_refused_request_below_a_path_prefix_is_logged_as_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    app = FastAPI()
    app.middleware_stack = RootPath(echo_app(), "/todos", is_ambiguous=False)
    with Server(app) as server, server.connect() as connection:
        connection.sendall(request(b"POST /todos/echo", CHUNKED))
        time.sleep(0.1)  # the app waits for the body
        connection.sendall(b"zz\r\n")
        receive_all(connection)
    (line,) = access_lines(caplog)
    assert (line["status"], line["reason"]) == (400, "malformed_request")


@pytest.mark.parametrize(
    ("proxies", "header", "client"),
    [
        ((), b"192.0.2.1", "127.0.0.1"),
        (["10.0.0.0/8"], b"192.0.2.1", "127.0.0.1"),
        (["127.0.0.1"], b"198.51.100.7, 192.0.2.1", "192.0.2.1"),
        (["127.0.0.0/8"], b"192.0.2.1, 127.0.0.2", "192.0.2.1"),
        (["127.0.0.1"], b"hunter2", None),
    ],
)
def test_only_trusted_proxies_name_the_client(
    caplog: pytest.LogCaptureFixture, proxies: list[str], header: bytes, client: str | None
) -> None:
    caplog.set_level(logging.INFO)
    with Server(echo_app(), proxies=proxies) as server:
        server.ask(request(b"GET /api/me", b"X-Forwarded-For: " + header))
    (line,) = access_lines(caplog)
    assert line["client"] == client
