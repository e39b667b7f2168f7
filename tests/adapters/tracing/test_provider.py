"""The export of spans: the resource, the log of outages, and the time of a stop."""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from backend.adapters.tracing import provider as provider_module
from backend.adapters.tracing.context import current_trace_id, is_recording
from backend.adapters.tracing.exporter import LoggedExporter
from backend.adapters.tracing.provider import Tracing
from tests.collector import Collector

pytestmark = pytest.mark.anyio


async def test_spans_are_exported_each_time_that_the_server_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_SERVICE_NAME", "todos")
        tracing = Tracing()
        tracing.tracer.start_span("before the start").end()
        for name in ("first", "second"):
            async with tracing:
                tracing.tracer.start_span(name).end()
        assert [span.name for span in collector.spans()] == ["first", "second"]
        assert {span.service for span in collector.spans()} == {"todos"}


async def test_the_provider_is_not_global() -> None:
    before = trace.get_tracer_provider()
    Tracing()
    assert trace.get_tracer_provider() is before


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *((name, name) for name in ("localhost", "api.example.com", "127.0.0.1", "::1")),
        ("a" * 64, "REDACTED"),
        (".".join(["a" * 60] * 5), "REDACTED"),
        ("x" * 60_000, "REDACTED"),
        ("a b", "REDACTED"),
        ("m\u00fcller.example", "REDACTED"),
    ],
)
async def test_only_a_host_name_of_a_client_is_recorded(host: str, expected: str) -> None:
    span: Any = Tracing().tracer.start_span("GET", attributes={"server.address": host})
    assert span.attributes["server.address"] == expected


async def test_a_stop_does_not_wait_for_a_collector_that_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released = threading.Event()

    class Hanging(SpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            released.wait(10)
            return SpanExportResult.FAILURE

        def shutdown(self) -> None:
            released.set()

    monkeypatch.setattr(provider_module, "OTLPSpanExporter", Hanging)
    monkeypatch.setattr(provider_module, "FLUSH_TIMEOUT", 0.1)
    tracing = Tracing()
    started = time.monotonic()
    async with tracing:
        tracing.tracer.start_span("span").end()
    assert time.monotonic() - started < 2
    assert released.is_set()


async def test_an_outage_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now, result = 0.0, SpanExportResult.FAILURE

    class Exporter(SpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            logger = logging.getLogger("opentelemetry.exporter.otlp.proto.http.trace_exporter")
            logger.error("Failed to export %s batch code: %s, reason: %s", "spans", 401, "hunter2")
            return result

        def shutdown(self) -> None:
            pass

    exporter = LoggedExporter(Exporter(), clock=lambda: now)
    for now in (0.0, 30.0, 59.0, 61.0):  # noqa: B007 - the clock reads it
        exporter.export([])
    result = SpanExportResult.SUCCESS
    exporter.export([])
    lines = [record.getMessage() for record in caplog.records]
    assert [line.partition(".")[0] for line in lines] == [
        "cannot export spans: HTTP 401",
        "cannot export spans: HTTP 401",
    ]
    assert "hunter2" not in caplog.text


async def test_the_trace_id_has_32_digits_and_exists_in_a_trace_only() -> None:
    tracing = Tracing()
    assert current_trace_id() is None
    with tracing.tracer.start_as_current_span("request") as span:
        assert current_trace_id() == f"{span.get_span_context().trace_id:032x}"
        assert is_recording()
    assert not is_recording()
