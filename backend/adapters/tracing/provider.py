"""Makes spans with the SDK, and exports them while the server runs.

The `OTEL_*` variables choose the sampler, the resource and the collector. The provider is not made
global, so that an app that uses OpenTelemetry itself keeps its own.
"""

import asyncio
import logging
import re
import threading
import uuid
from contextlib import suppress
from typing import Final, Self

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Tracer

from backend import __version__
from backend.adapters.tracing.context import SCOPE, current_trace_id, name_current_span
from backend.adapters.tracing.exporter import LoggedExporter

SERVICE_NAME: Final = "secured-todo-api"
FLUSH_TIMEOUT: Final = 3.0  # seconds

_REDACTED: Final = "REDACTED"
# Clients put anything into a path or a query, even tokens. `http.route` has the template.
_FREE_TEXT: Final = ("url.path", "url.query")
# From the header `Host`, which may have 64 KiB. The queue of spans would keep them in memory.
_HOST: Final = "server.address"
_HOST_NAME: Final = re.compile(
    r"(?!.{254})[\w-]{1,63}(\.[\w-]{1,63})*\.?|[\da-f:.]{2,45}", re.ASCII
)

_log = logging.getLogger(__name__)


class Tracing:
    """Makes spans, and exports spans inside `async with`. The end flushes for a limited time.

    Attributes:
        provider: The tracer provider.
        tracer: The tracer of this program.
    """

    current_trace_id = staticmethod(current_trace_id)
    name_current_span = staticmethod(name_current_span)

    def __init__(self) -> None:
        self._export = _Export()
        self.provider: Final = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        self.provider.add_span_processor(self._export)
        self.tracer: Final[Tracer] = self.provider.get_tracer(SCOPE, __version__)

    async def __aenter__(self) -> Self:
        self._export.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._export.stop()


class _Export(SpanProcessor):
    """Hands spans to a batch processor, whose thread runs between `start` and `stop`."""

    def __init__(self) -> None:
        self._exporter: LoggedExporter | None = None
        self._batches: BatchSpanProcessor | None = None
        self._users = 0

    def start(self) -> None:
        self._users += 1
        if self._batches is None:
            self._exporter = LoggedExporter(OTLPSpanExporter())
            self._batches = BatchSpanProcessor(self._exporter)

    async def stop(self) -> None:
        self._users -= 1
        if self._users or self._batches is None or self._exporter is None:
            return
        batches, exporter = self._batches, self._exporter
        self._batches = self._exporter = None
        loop, flushed = asyncio.get_running_loop(), asyncio.Event()

        def flush() -> None:
            batches.shutdown()  # type: ignore[no-untyped-call]  # of the SDK
            with suppress(RuntimeError):  # the event loop has ended
                loop.call_soon_threadsafe(flushed.set)

        # A daemon thread, because the process would wait for a thread of the event loop.
        threading.Thread(target=flush, daemon=True).start()
        try:
            async with asyncio.timeout(FLUSH_TIMEOUT):
                await flushed.wait()
        except TimeoutError:
            _log.warning("spans are lost: the collector does not take them in time")
            exporter.shutdown()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the SDK passes it
        """Remove what clients write freely."""
        attributes = span.attributes or {}
        for name in _FREE_TEXT:
            if name in attributes:
                span.set_attribute(name, _REDACTED)
        if not _HOST_NAME.fullmatch(str(attributes.get(_HOST, "localhost"))):
            span.set_attribute(_HOST, _REDACTED)

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span for export."""
        if self._batches is not None:
            self._batches.on_end(span)


def _resource() -> Resource:
    """Describe this process; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come first."""
    defaults = {
        "service.name": SERVICE_NAME,
        "service.version": __version__,
        "service.instance.id": str(uuid.uuid4()),
    }
    return Resource.create({**defaults, **OTELResourceDetector().detect().attributes})
