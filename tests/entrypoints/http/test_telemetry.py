"""What a request leaves behind: an id, a line in the log, a count; never a credential."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

import pytest
from fastapi import Response
from httpx2 import Client
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from starlette.types import Message, Send

from backend.domain.auth import UnknownKeyError
from backend.entrypoints.http.telemetry import COUNTED_AT_ONCE, Telemetry
from tests.entrypoints.http.conftest import MakeApp, MakeClient
from tests.entrypoints.http.exchange import exchange
from tests.fakes import FakeTokenVerifier

NOBODYS = "/api/todos/01a1fb5f-f08e-7f5e-9cb6-2719083547c9"

Count = Callable[..., float]


def counted(client: Client) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return what `/metrics` says."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
    }


@pytest.fixture
def count(make_app: MakeApp, make_client: MakeClient) -> Count:
    """Return by how much a count has grown since the test began."""
    before = counted(make_client(make_app()))

    def grown(name: str, **labels: str) -> float:
        key = (name, frozenset(labels.items()))
        return counted(make_client(make_app())).get(key, 0.0) - before.get(key, 0.0)

    return grown


@pytest.fixture
def broken(make_app: MakeApp, make_client: MakeClient) -> Client:
    """Somebody whose app has a route that fails."""
    app = make_app()

    @app.get("/broken")
    async def fail() -> None:
        raise ZeroDivisionError

    return make_client(app, raising=False)


@pytest.mark.parametrize("sent", ["a", "abc-DEF_0.9", "x" * 64])
def test_a_well_formed_id_is_kept(anyone: Client, sent: str) -> None:
    answer = anyone.get("/api/me", headers={"X-Request-ID": sent})
    assert answer.headers["X-Request-ID"] == answer.json()["request_id"] == sent


@pytest.mark.anyio
@pytest.mark.parametrize(
    "sent",
    [b"", b"x" * 65, b"a b", b"a\nb", b"a\r\nSet-Cookie: x", b"\xc3\xa4", b"\x00", b"a,b", b'"'],
)
async def test_any_other_id_is_replaced(make_app: MakeApp, sent: bytes) -> None:
    answer = await exchange(make_app(), "/api/me", headers=[(b"x-request-id", sent)])
    identity = answer.header("x-request-id") or ""
    assert identity == answer.json()["request_id"]
    assert (len(identity), identity.isalnum()) == (16, True)


@pytest.mark.anyio
async def test_every_request_has_an_id_of_its_own(make_app: MakeApp) -> None:
    app = make_app()
    answers = [await exchange(app, "/health/live") for _ in range(20)]
    assert len({answer.header("x-request-id") for answer in answers}) == 20


@pytest.mark.anyio
async def test_of_two_ids_only_the_one_that_is_judged_is_given_back(make_app: MakeApp) -> None:
    twice = [(b"x-request-id", b"good"), (b"x-request-id", b"a b")]
    assert (await exchange(make_app(), "/api/me", headers=twice)).header("x-request-id") == "good"


def test_an_answer_of_a_route_cannot_bring_an_id_of_its_own(
    make_app: MakeApp, make_client: MakeClient
) -> None:
    app = make_app()

    @app.get("/proxy")
    async def proxy() -> Response:
        return Response(headers={"X-Request-ID": "theirs", "X-Content-Type-Options": "nosniff"})

    answer = make_client(app).get("/proxy", headers={"X-Request-ID": "ours"})
    assert answer.headers.get_list("X-Request-ID") == ["ours"]
    assert answer.headers.get_list("X-Content-Type-Options") == ["nosniff"]


@pytest.mark.parametrize("path", ["/health/live", "/api/me", "/nothing", "/metrics"])
def test_no_browser_is_to_guess_what_an_answer_is(anyone: Client, path: str) -> None:
    assert anyone.get(path).headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/api/me", "/nothing", "/broken"])
def test_a_problem_is_identified_once_as_every_answer_is(broken: Client, path: str) -> None:
    answer = broken.get(path)
    assert answer.headers.get_list("X-Request-ID") == [answer.json()["request_id"]]
    assert answer.headers.get_list("X-Content-Type-Options") == ["nosniff"]


def test_a_request_leaves_one_line(ada: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="backend"):
        answer = ada.get(f"{NOBODYS}?secret=hunter2", headers={"X-Request-ID": "the-one"})
    assert answer.status_code == 404
    (record,) = [one for one in caplog.records if one.name == "backend.access"]
    words = record.getMessage().split()
    assert words[:3] == ["GET", "/api/todos/{todo_id}", "404"]
    assert float(words[3]) >= 0
    assert record.__dict__["request_id"] == "the-one"


def test_a_quiet_log_leaves_none(ada: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="backend"):
        ada.get("/api/me")
    assert [one for one in caplog.records if one.name == "backend.access"] == []


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO])
def test_no_credential_is_ever_logged(
    ada: Client,
    verifier: FakeTokenVerifier,
    caplog: pytest.LogCaptureFixture,
    level: int,
) -> None:
    sent = {
        "Authorization": "Bearer hunter2",
        "Cookie": "better-auth.session_data=hunter2; x=hunter2",
        "X-Api-Key": "hunter2",
    }
    with caplog.at_level(level):
        for headers in (sent, {**sent, "Authorization": "Basic hunter2"}):
            for path in ("/api/me", "/api/todos?cursor=hunter2", "/hunter2", "/health/ready"):
                ada.get(path, headers=headers)
                ada.post(path, headers=headers, json={"title": ["hunter2"]})
    assert caplog.records != []
    for record in caplog.records:
        if record.name.startswith(("backend", "uvicorn", "fastapi", "starlette")):
            assert "hunter2" not in f"{record.getMessage()} {record.__dict__}"


def test_requests_are_counted_by_route(ada: Client, count: Count) -> None:
    ada.get(NOBODYS)
    ada.get(NOBODYS.replace("9", "8"))
    assert (
        count("http_requests_total", method="GET", route="/api/todos/{todo_id}", status="404") == 2
    )
    assert count("http_request_seconds_count", method="GET", route="/api/todos/{todo_id}") == 2


@pytest.mark.parametrize("requests", [1, COUNTED_AT_ONCE - 1, 2 * COUNTED_AT_ONCE + 1])
def test_every_request_is_counted_by_the_time_that_anybody_asks(
    anyone: Client, count: Count, requests: int
) -> None:
    for _ in range(requests):
        anyone.get("/health/live")
    labels = {"method": "GET", "route": "/health/live"}
    assert count("http_requests_total", status="200", **labels) == requests
    assert count("http_request_seconds_count", **labels) == requests
    assert count("http_requests_total", status="200", **labels) == requests


def test_few_wait_to_be_counted_even_if_nobody_asks(anyone: Client) -> None:
    labels = {"method": "GET", "route": "/health/live", "status": "200"}
    before = REGISTRY.get_sample_value("http_requests_total", labels) or 0.0
    for _ in range(2 * COUNTED_AT_ONCE):
        anyone.get("/health/live")
    after = REGISTRY.get_sample_value("http_requests_total", labels) or 0.0
    assert after - before > COUNTED_AT_ONCE


def test_what_is_counted_does_not_grow_with_what_is_sent(ada: Client, count: Count) -> None:
    for number in range(5):
        ada.get(f"/nothing/{number}")
        ada.request(f"METHOD{number}", "/api/me")
    assert count("http_requests_total", method="GET", route="unmatched", status="404") == 5
    assert count("http_requests_total", method="OTHER", route="/api/me", status="405") == 5


def test_refusals_are_counted_by_their_reason(
    anyone: Client, ada: Client, verifier: FakeTokenVerifier, count: Count
) -> None:
    verifier.known["ada"] = UnknownKeyError("rotated")
    for client in (anyone, ada, ada):
        client.get("/api/me")
    assert count("auth_refusals_total", reason="missing_token") == 1
    assert count("auth_refusals_total", reason="unknown_key") == 2


def test_metrics_are_in_prometheus_text_format(anyone: Client) -> None:
    anyone.get("/api/me")
    answer = anyone.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    names = {family.name for family in text_string_to_metric_families(answer.text)}
    assert {"http_requests", "http_request_seconds", "auth_refusals"} <= names


def test_metrics_can_be_turned_off(make_app: MakeApp, make_client: MakeClient) -> None:
    client = make_client(make_app(metrics=False))
    assert client.get("/metrics").status_code == 404
    assert client.get("/health/live").status_code == 200


def test_what_fails_is_counted_as_failed(broken: Client, count: Count) -> None:
    broken.get("/broken")
    assert count("http_requests_total", method="GET", route="/broken", status="500") == 1


def test_how_long_a_request_took_is_known(ada: Client, count: Count) -> None:
    labels = {"method": "POST", "route": "/api/todos"}
    start = time.perf_counter()
    ada.post("/api/todos", json={"title": "x"})
    assert 0 < count("http_request_seconds_sum", **labels) < time.perf_counter() - start


async def nothing() -> Message:
    raise AssertionError


HTTP: Final = {"type": "http", "method": "GET", "headers": []}


@pytest.mark.parametrize("kind", [OSError, asyncio.CancelledError])
def test_what_ends_without_an_answer_is_counted_as_failed(
    count: Count, kind: type[BaseException]
) -> None:
    async def app(*_: object) -> None:
        raise kind

    async def send(_: Message) -> None:
        raise AssertionError

    with pytest.raises(kind):
        asyncio.run(Telemetry(app)(dict(HTTP), nothing, send))
    assert count("http_requests_total", method="GET", route="unmatched", status="500") == 1


def test_what_cannot_be_counted_is_nobody_elses_trouble(
    anyone: Client, count: Count, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(_scope: object, _receive: object, send: Send) -> None:
        await send({"type": "http.response.start", "status": [200], "headers": []})

    async def send(_: Message) -> None:
        pass

    asyncio.run(Telemetry(app)(dict(HTTP), nothing, send))
    for _ in range(2 * COUNTED_AT_ONCE):
        assert anyone.get("/health/live").status_code == 200
    labels = {"method": "GET", "route": "/health/live", "status": "200"}
    assert count("http_requests_total", **labels) == 2 * COUNTED_AT_ONCE
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == [
        "an answer was not counted"
    ]


@pytest.mark.anyio
async def test_an_app_waits_until_its_message_is_sent_and_learns_if_it_is_not() -> None:
    order = []

    async def app(_scope: object, _receive: object, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        order.append("sent")
        await send({"type": "http.response.body"})

    async def send(message: Message) -> None:
        await asyncio.sleep(0.001)
        order.append(message["type"])
        if message["type"] == "http.response.body":
            raise OSError("nobody is there")

    with pytest.raises(OSError, match="nobody is there"):
        await Telemetry(app)(dict(HTTP), nothing, send)
    assert order == ["http.response.start", "sent", "http.response.body"]


@pytest.mark.anyio
async def test_what_is_no_http_is_passed_on() -> None:
    seen: list[str] = []

    async def app(scope: Message, *_: object) -> None:
        seen.append(scope["type"])

    async def ignore(message: Message) -> None:
        raise AssertionError(message)

    await Telemetry(app)({"type": "lifespan"}, nothing, ignore)
    await Telemetry(app)({"type": "websocket"}, nothing, ignore)
    assert seen == ["lifespan", "websocket"]
