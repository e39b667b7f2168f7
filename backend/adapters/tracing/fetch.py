"""Spans of the fetches of a key set, by the conventions for HTTP clients."""

from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind, StatusCode, Tracer

from backend.adapters.auth.jwks.errors import FetchError

METHOD: Final = "GET"

_PORTS: Final = {"http": 80, "https": 443}
_OK: Final = 200


class TracedFetch:
    """Records a span for each fetch of a key set.

    A fetch that a running request waits for belongs to the trace of that request. Any other fetch
    is a trace of its own, with a link to the request that caused the fetch, if any.

    Args:
        fetch: Returns the key set's bytes or raises `FetchError`.
        tracer: Makes the spans.
        url: The URL of the key set. Its query and its user name are not recorded.
    """

    def __init__(self, fetch: Callable[[], Awaitable[bytes]], tracer: Tracer, *, url: str) -> None:
        self._fetch = fetch
        self._tracer = tracer
        parts = urlsplit(url)
        self._name = f"{METHOD} {parts.path}"
        self._attributes: dict[str, str | int] = {
            "http.request.method": METHOD,
            "server.address": parts.hostname or "",
            "server.port": parts.port or _PORTS.get(parts.scheme, 0),
            "url.full": parts._replace(
                netloc=parts.netloc.rpartition("@")[2], query="", fragment=""
            ).geturl(),
            "url.template": parts.path,
        }

    async def __call__(self) -> bytes:
        """Fetch the key set.

        Raises:
            FetchError: The key set could not be fetched.
        """
        caller = trace.get_current_span()
        options: dict[str, Any] = {}
        if not caller.is_recording():  # no request waits for this fetch
            cause = caller.get_span_context()
            options = {"context": Context(), "links": [Link(cause)] if cause.is_valid else []}
        with self._tracer.start_as_current_span(
            self._name,
            kind=SpanKind.CLIENT,
            attributes=self._attributes,
            record_exception=False,
            set_status_on_exception=False,
            **options,
        ) as span:
            try:
                body = await self._fetch()
            except BaseException as error:
                span.set_status(StatusCode.ERROR)
                span.set_attribute("error.type", _error_type(error))
                if isinstance(error, FetchError) and error.status is not None:
                    span.set_attribute("http.response.status_code", error.status)
                raise
            span.set_attribute("http.response.status_code", _OK)
            span.set_attribute("http.response.body.size", len(body))
            return body


def _error_type(error: BaseException) -> str:
    if isinstance(error, FetchError):
        return str(error.status or error.kind.value)
    return type(error).__qualname__
