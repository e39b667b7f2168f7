"""Every response and rejected request is counted, in a bounded number of series."""

import asyncio
import logging
import time
from typing import Final

import pytest
from fastapi import HTTPException
from httpx2 import Client
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from starlette.types import Message, Send

from backend.domain.auth import UnknownKeyError, VerifierUnavailableError
from backend.domain.todo_repository import RepositoryUnavailableError
from backend.entrypoints.http.metrics.scrape import TEXT_MAX_AGE, MetricsText
from backend.entrypoints.http.metrics.series import BATCH_SIZE
from backend.entrypoints.http.metrics.state import Sources, StateMetrics
from backend.entrypoints.http.telemetry import Telemetry
from backend.testing.fakes import FakeTokenVerifier
from tests.entrypoints.http.broken_todos import BrokenTodos
from tests.entrypoints.http.conftest import MakeApp, MakeClient
from tests.entrypoints.http.metrics.conftest import Count

UNKNOWN = "/api/todos/01a1fb5f-f08e-7f5e-9cb6-2719083547c9"
HTTP: Final = {"type": "http", "method": "GET", "headers": []}


async def receive_nothing() -> Message:
    raise AssertionError


def test_requests_are_counted_by_route(ada: Client, count: Count) -> None:
    ada.get(UNKNOWN)
    ada.get(UNKNOWN.replace("9", "8"))
    labels = {"method": "GET", "route": "/api/todos/{todo_id}", "status": "404"}
    assert count("http_request_duration_seconds_count", **labels) == 2


@pytest.mark.parametrize("requests", [1, BATCH_SIZE - 1, 2 * BATCH_SIZE + 1])
def test_metrics_include_every_request(anonymous: Client, count: Count, requests: int) -> None:
    for _ in range(requests):
        anonymous.get("/health/live")
    labels = {"method": "GET", "route": "/health/live", "status": "200"}
    assert count("http_request_duration_seconds_count", **labels) == requests
    assert count("http_request_duration_seconds_bucket", le="+Inf", **labels) == requests
    assert count("http_request_duration_seconds_count", **labels) == requests


def test_full_batches_are_counted_without_a_scrape(anonymous: Client) -> None:
    labels = {"method": "GET", "route": "/health/live", "status": "200"}
    before = REGISTRY.get_sample_value("http_request_duration_seconds_count", labels) or 0.0
    for _ in range(2 * BATCH_SIZE):
        anonymous.get("/health/live")
    after = REGISTRY.get_sample_value("http_request_duration_seconds_count", labels) or 0.0
    assert after - before > BATCH_SIZE


def test_unknown_paths_and_methods_share_one_series(ada: Client, count: Count) -> None:
    for number in range(5):
        ada.get(f"/nothing/{number}")
        ada.request(f"METHOD{number}", "/api/me")
    assert (
        count("http_request_duration_seconds_count", method="GET", route="unmatched", status="404")
        == 5
    )
    assert (
        count("http_request_duration_seconds_count", method="OTHER", route="/api/me", status="405")
        == 5
    )


def test_rejected_requests_are_counted_by_reason(
    anonymous: Client, ada: Client, verifier: FakeTokenVerifier, count: Count
) -> None:
    verifier.known["ada"] = UnknownKeyError("rotated")
    for client in (anonymous, ada, ada):
        client.get("/api/me")
    assert count("auth_verifications_total", outcome="refused", reason="missing_token") == 1
    assert count("auth_verifications_total", outcome="refused", reason="unknown_key") == 2


def test_responses_with_503_are_counted_by_cause(
    make_app: MakeApp, make_client: MakeClient, verifier: FakeTokenVerifier, count: Count
) -> None:
    verifier.known["ada"] = VerifierUnavailableError("the issuer is down")
    todos = BrokenTodos(RepositoryUnavailableError("the database is down"))
    client = make_client(make_app(parts={"todos": todos}), "ada")
    for _ in range(3):
        assert client.get("/api/todos").status_code == 503
    client.headers["Authorization"] = "Bearer bob"
    assert client.get("/api/todos").status_code == 503
    assert count("http_unavailable_total", cause="verifier") == 3
    assert count("http_unavailable_total", cause="database") == 1


def test_other_responses_with_503_have_their_code_as_cause(
    make_app: MakeApp, make_client: MakeClient, count: Count
) -> None:
    app = make_app(public=("/closed",))

    @app.get("/closed")
    async def closed() -> None:
        raise HTTPException(503)

    assert make_client(app).get("/closed").status_code == 503
    assert count("http_unavailable_total", cause="http_503") == 1


def test_metrics_use_the_prometheus_text_format(anonymous: Client) -> None:
    anonymous.get("/api/me")
    response = anonymous.get("/metrics")
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    names = {family.name for family in text_string_to_metric_families(response.text)}
    assert {"http_request_duration_seconds", "auth_verifications", "http_unavailable"} <= names


def test_metrics_are_rendered_at_most_once_a_second(
    make_app: MakeApp, make_client: MakeClient
) -> None:
    app, seconds = make_app(), 100.0
    app.state.metrics_text = MetricsText(StateMetrics(Sources()), clock=lambda: seconds)
    client = make_client(app)
    first = client.get("/metrics").text
    client.get("/api/me")
    seconds += TEXT_MAX_AGE - 0.001
    assert client.get("/metrics").text == first
    seconds += 0.001
    assert client.get("/metrics").text != first


def test_metrics_can_be_turned_off(make_app: MakeApp, make_client: MakeClient) -> None:
    client = make_client(make_app(metrics=False))
    assert client.get("/metrics").status_code == 404
    assert client.get("/health/live").status_code == 200


def test_failed_requests_are_counted_as_500(broken: Client, count: Count) -> None:
    broken.get("/broken")
    assert (
        count("http_request_duration_seconds_count", method="GET", route="/broken", status="500")
        == 1
    )


def test_the_duration_of_requests_is_measured(ada: Client, count: Count) -> None:
    labels = {"method": "POST", "route": "/api/todos", "status": "201"}
    start = time.perf_counter()
    ada.post("/api/todos", json={"title": "x"})
    assert 0 < count("http_request_duration_seconds_sum", **labels) < time.perf_counter() - start


@pytest.mark.parametrize("kind", [OSError, asyncio.CancelledError])
def test_requests_without_a_response_are_counted_as_500(
    count: Count, kind: type[BaseException]
) -> None:
    async def app(*_: object) -> None:
        raise kind

    async def send(_: Message) -> None:
        raise AssertionError

    with pytest.raises(kind):
        asyncio.run(Telemetry(app)(dict(HTTP), receive_nothing, send))
    assert (
        count("http_request_duration_seconds_count", method="GET", route="unmatched", status="500")
        == 1
    )


def test_a_response_that_cannot_be_counted_affects_no_other(
    anonymous: Client, count: Count, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(_scope: object, _receive: object, send: Send) -> None:
        await send({"type": "http.response.start", "status": [200], "headers": []})

    async def send(_: Message) -> None:
        pass

    asyncio.run(Telemetry(app)(dict(HTTP), receive_nothing, send))
    for _ in range(2 * BATCH_SIZE):
        assert anonymous.get("/health/live").status_code == 200
    labels = {"method": "GET", "route": "/health/live", "status": "200"}
    assert count("http_request_duration_seconds_count", **labels) == 2 * BATCH_SIZE
    assert [
        record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR
    ] == ["cannot count a response"]
