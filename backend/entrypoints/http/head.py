"""HEAD requests: answered like GET, without the body (RFC 9110, section 9.3.2)."""

from collections.abc import Awaitable, MutableMapping
from typing import Any, Final

from fastapi.routing import iter_route_contexts
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.entrypoints.http.auth.dependencies import PRINCIPAL
from backend.entrypoints.http.log_fields import REASON

_BODIES: Final = frozenset(
    {"http.response.body", "http.response.pathsend", "http.response.zerocopysend"}
)
_FOR_TELEMETRY: Final = frozenset({"route", PRINCIPAL, REASON})


class HeadRequests:
    """Pure ASGI middleware that answers a HEAD request as if it were a GET request.

    FastAPI answers HEAD with 405 unless a route lists the method. If a route does, that route
    serves the request.

    Args:
        app: The ASGI app that serves GET requests.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve a request. Only a HEAD request costs another coroutine."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            return self._serve_head(scope, receive, send)
        return self._app(scope, receive, send)

    async def _serve_head(self, scope: Scope, receive: Receive, send: Send) -> None:
        def send_without_body(message: Message) -> Awaitable[None]:
            if message["type"] not in _BODIES:
                return send(message)
            more = message.get("more_body", False)
            return send({"type": "http.response.body", "body": b"", "more_body": more})

        # A copy, because the server reads the method too, after the response.
        inner = dict(scope)
        if not _has_own_route(scope):
            inner["method"] = "GET"
        try:
            await self._app(inner, receive, send_without_body)
        finally:
            _copy_telemetry(inner, scope)


def _has_own_route(scope: Scope) -> bool:
    """Return whether a route lists HEAD among its methods."""
    return any(
        "HEAD" in (route.methods or ()) and route.matches(scope)[0] is Match.FULL
        for route in iter_route_contexts(scope["app"].routes)
    )


def _copy_telemetry(inner: MutableMapping[str, Any], scope: Scope) -> None:
    """Tell telemetry which route served the request, to whom, and why the response is an error."""
    scope.update((key, inner[key]) for key in _FOR_TELEMETRY & inner.keys())
