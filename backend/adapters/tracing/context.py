"""The current trace, for spans that only make sense inside a request, and for log lines."""

from opentelemetry import trace
from opentelemetry.trace import Tracer

from backend import __version__

SCOPE = "backend"


def adopted_tracer() -> Tracer | None:
    """Return a tracer of the global provider; None if the app has not set up a provider."""
    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return None
    return trace.get_tracer(SCOPE, __version__)


def is_recording() -> bool:
    """Return whether the current request is traced, and its trace is sampled."""
    return trace.get_current_span().is_recording()


def current_trace_id() -> str | None:
    """Return the id of the current trace as 32 hexadecimal digits; None outside of traces."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None


def name_current_span(method: str, route: str) -> None:
    """Name the current server span after its route, as FastAPI's router does."""
    span = trace.get_current_span()
    span.update_name(f"{method} {route}")
    span.set_attribute("http.route", route)
