"""Telemetry of each request and handshake: an id, a line in the access log, and metrics."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.entrypoints.http.auth.dependencies import PRINCIPAL
from backend.entrypoints.http.log_fields import REASON, current_request_id, log_access
from backend.entrypoints.http.metrics.series import count_response
from backend.entrypoints.http.request_ids import ID_HEADER, request_id

# The key of the scope with the status to record, if the server ends the request itself.
ENDED_WITH: Final = "backend.ended_with"
CLIENT_GONE: Final = 499  # no response was sent; nginx uses the same number

_NO_SNIFFING: Final = (b"x-content-type-options", b"nosniff")
# Other origins must not embed a response (`<img>`, `<script>`, fetch without CORS). Fetches with
# CORS are not affected, so pages of `CORS_ORIGINS` can still read the API.
_NO_EMBEDDING: Final = (b"cross-origin-resource-policy", b"same-origin")
_OWN_HEADERS: Final = frozenset({ID_HEADER, _NO_SNIFFING[0], _NO_EMBEDDING[0]})
# Servers answer 403 if the app closes the connection before it accepts the handshake.
_HANDSHAKES: Final = {"websocket.accept": 101, "websocket.close": 403}
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Telemetry:
    """Pure ASGI middleware that gives each request an id, a line in the access log and metrics.

    Args:
        app: The ASGI app that serves the requests.
        cancelled: The ASGI app that answers a request which the server cancels, if the response
            has not started. The server does that when the time to shut down is over.
    """

    def __init__(self, app: ASGIApp, *, cancelled: ASGIApp | None = None) -> None:
        self._app = app
        self._cancelled = cancelled

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, and record its response."""
        if scope["type"] != "http":
            serve = self._serve_websocket if scope["type"] == "websocket" else self._app
            await serve(scope, receive, send)
            return
        started = time.perf_counter()
        identity = request_id(scope)
        current_request_id.set(identity)
        status = 500
        response_started = False

        def send_with_headers(message: Message) -> Awaitable[None]:
            nonlocal status, response_started
            if message["type"] == "http.response.start":
                response_started = True
                status = scope.get(ENDED_WITH) or message["status"]
                _add_headers(message, identity)
            return send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except asyncio.CancelledError:
            if response_started or self._cancelled is None:
                raise
            await self._cancelled(scope, receive, send_with_headers)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            _record_response(scope, method, status, time.perf_counter() - started)

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a WebSocket, and record the response to its handshake."""
        started = time.perf_counter()
        identity = request_id(scope)
        current_request_id.set(identity)
        is_answered = False

        def send_and_record(message: Message) -> Awaitable[None]:
            nonlocal is_answered
            if message["type"] == "websocket.http.response.start":
                _add_headers(message, identity)
            if not is_answered:
                is_answered = True
                if message["type"] == "websocket.close":
                    scope.setdefault(REASON, "not_accepted")
                status = message.get("status") or _HANDSHAKES.get(message["type"], 500)
                status = scope.get(ENDED_WITH) or status
                _record_response(scope, "WEBSOCKET", status, time.perf_counter() - started)
            return send(message)

        try:
            await self._app(scope, receive, send_and_record)
        finally:
            if not is_answered:
                status = scope.get(ENDED_WITH) or 500
                _record_response(scope, "WEBSOCKET", status, time.perf_counter() - started)


def _add_headers(message: Message, identity: str) -> None:
    """Add the headers of every response to the start of a response."""
    headers, embedding = [], _NO_EMBEDDING
    for header in message["headers"]:
        if header[0] not in _OWN_HEADERS:
            headers.append(header)
        elif header[0] == _NO_EMBEDDING[0]:  # a route may allow more
            embedding = header
    headers += (ID_HEADER, identity.encode()), _NO_SNIFFING, embedding
    message["headers"] = headers


def _record_response(scope: Scope, method: str, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", "unmatched")
    count_response(method, route, status, seconds)
    principal = scope.get(PRINCIPAL)
    log_access(
        method,
        route,
        status,
        seconds,
        request_id=request_id(scope),
        peer=scope.get("client"),
        user_id=principal and principal.user_id,
        reason=scope.get(REASON),
    )
