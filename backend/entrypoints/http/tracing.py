"""Switches on FastAPI's own tracing of requests, if the container has a tracer provider."""

from collections.abc import Awaitable, Callable, Collection
from typing import Any, Final

from fastapi.telemetry import TelemetryConfig
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_STARTS: Final = frozenset({"http.response.start", "websocket.accept", "websocket.close"})

NameSpan = Callable[[str, str], None]


def telemetry_config(tracing: Any, *, excluded: Collection[str], root_path: str) -> TelemetryConfig:
    """Return the configuration of FastAPI's own telemetry, without its metrics and logs.

    Args:
        tracing: Has the tracer provider; None if nothing is traced.
        excluded: The paths that are never traced.
        root_path: The path prefix that a proxy may leave on paths.
    """
    config: TelemetryConfig = {
        "tracing": tracing is not None,
        "metrics": False,  # see metrics/
        "logs": False,  # see telemetry.py
        "operation_spans": False,
        "auto_configure": False,  # it would set a global provider, and only warn about errors
    }
    if tracing is not None:
        config["tracer_provider"] = tracing.provider
        config["exclude"] = lambda scope: scope["path"].removeprefix(root_path) in excluded
    return config


class RouteSpans:
    """Pure ASGI middleware that names the span of a request that the guard answers.

    FastAPI names a span when its router has chosen a route. The guard answers before that.

    Args:
        app: The ASGI app that serves the requests.
        name_span: Names the current span after a method and a route.
    """

    def __init__(self, app: ASGIApp, name_span: NameSpan) -> None:
        self._app = app
        self._name_span = name_span

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""

        def send_and_name(message: Message) -> Awaitable[None]:
            route = getattr(scope.get("route"), "path", None)
            if message["type"] in _STARTS and route is not None:
                self._name_span(scope.get("method", "WS"), route)
            return send(message)

        await self._app(scope, receive, send_and_name)
