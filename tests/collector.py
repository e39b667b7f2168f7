"""An OpenTelemetry collector for tests, on the loopback interface."""

from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final, NamedTuple, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_POLL: Final = 0.01  # seconds


class ExportedSpan(NamedTuple):
    """A span that a server has exported; ids are hexadecimal."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    trace_state: str
    attributes: dict[str, Any]
    links: list[str]
    service: str
    start: int
    end: int


class Collector:
    """Receives spans by OTLP over HTTP inside a `with` statement.

    Args:
        port: The port to listen on; 0 for a free port.

    Attributes:
        bodies: The body of each request so far.
        paths: The path of each request so far.
    """

    def __init__(self, port: int = 0) -> None:
        self.bodies: list[bytes] = []
        self.paths: list[str] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.paths.append(self.path)
                collector.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._thread = Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": _POLL}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The endpoint for `OTEL_EXPORTER_OTLP_ENDPOINT`."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def spans(self, trace_id: str | None = None) -> list[ExportedSpan]:
        """Return the spans of a trace, or of all traces, in the order of their starts."""
        found = [span for body in [*self.bodies] for span in _spans(body)]
        found.sort(key=lambda span: span.start)
        return [span for span in found if trace_id in {None, span.trace_id}]


def tree(spans: Sequence[ExportedSpan], parent_id: str, *, depth: int = 0) -> list[str]:
    """Return the names of the spans below a span, each indented by its depth."""
    lines = []
    for span in spans:
        if span.parent_id == parent_id:
            lines += [f"{'  ' * depth}{span.name}", *tree(spans, span.span_id, depth=depth + 1)]
    return lines


def _spans(body: bytes) -> list[ExportedSpan]:
    request = ExportTraceServiceRequest.FromString(body)
    return [
        ExportedSpan(
            name=span.name,
            trace_id=span.trace_id.hex(),
            span_id=span.span_id.hex(),
            parent_id=span.parent_span_id.hex(),
            trace_state=span.trace_state,
            attributes=_attributes(span.attributes),
            links=[link.trace_id.hex() for link in span.links],
            service=_attributes(resource.resource.attributes)["service.name"],
            start=span.start_time_unix_nano,
            end=span.end_time_unix_nano,
        )
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
