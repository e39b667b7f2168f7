"""The spans of the fetches of a key set."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode, Tracer

from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from backend.adapters.tracing.fetch import TracedFetch
from tests.adapters.tracing.conftest import RequestSpan

pytestmark = pytest.mark.anyio

URL = "https://user:hunter2@auth.example.com/api/auth/jwks?key=hunter2"


async def fetch() -> bytes:
    return b"{}"


async def test_a_background_fetch_is_a_trace_of_its_own(
    memory: InMemorySpanExporter, tracer: Tracer
) -> None:
    assert await TracedFetch(fetch, tracer, url=URL)() == b"{}"
    (span,) = memory.get_finished_spans()
    assert span.name == "GET /api/auth/jwks"
    assert span.parent is None
    assert span.attributes == {
        "http.request.method": "GET",
        "http.response.body.size": 2,
        "http.response.status_code": 200,
        "server.address": "auth.example.com",
        "server.port": 443,
        "url.full": "https://auth.example.com/api/auth/jwks",
        "url.template": "/api/auth/jwks",
    }


async def test_a_fetch_that_a_request_waits_for_belongs_to_its_trace(
    memory: InMemorySpanExporter, tracer: Tracer, request_span: RequestSpan
) -> None:
    with request_span() as request:
        await TracedFetch(fetch, tracer, url=URL)()
    span, _ = memory.get_finished_spans()
    assert span.parent == request.get_span_context()
    assert span.links == ()


async def test_a_fetch_after_the_end_of_its_request_links_to_it(
    memory: InMemorySpanExporter, tracer: Tracer
) -> None:
    request = tracer.start_span("request")
    with trace.use_span(request):
        request.end()
        await TracedFetch(fetch, tracer, url=URL)()
    _, span = memory.get_finished_spans()
    assert span.parent is None
    assert span.context is not None
    assert span.context.trace_id != request.get_span_context().trace_id
    assert [link.context for link in span.links] == [request.get_span_context()]


@pytest.mark.parametrize(
    ("error", "error_type", "status"),
    [
        (FetchError("HTTP 404", kind=FetchErrorKind.STATUS, status=404), "404", 404),
        (FetchError("hunter2", kind=FetchErrorKind.TIMEOUT), "timeout", None),
        (RuntimeError("hunter2"), "RuntimeError", None),
    ],
)
async def test_a_failed_fetch_has_the_kind_of_its_error(
    memory: InMemorySpanExporter,
    tracer: Tracer,
    error: Exception,
    error_type: str,
    status: int | None,
) -> None:
    async def failing_fetch() -> bytes:
        raise error

    with pytest.raises(type(error)):
        await TracedFetch(failing_fetch, tracer, url=URL)()
    (span,) = memory.get_finished_spans()
    assert span.attributes is not None
    assert span.attributes["error.type"] == error_type
    assert span.attributes.get("http.response.status_code") == status
    assert span.status.status_code is StatusCode.ERROR
    assert "hunter2" not in span.to_json()
