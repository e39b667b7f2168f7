"""The guard: authenticates every connection before its body is read, unless its route is open.

No route is open by mistake. A plain route, a mounted app, static files, a front end and a WebSocket
all need a principal, even if their authors forgot authentication.
"""

from asyncio import get_running_loop
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from starlette.types import Message, Receive, Scope, Send

from backend.domain.auth import AuthError, Principal, VerifierUnavailableError
from backend.entrypoints.http.auth.dependencies import AUTHENTICATOR, FOUND, OVERRIDE, PRINCIPAL
from backend.entrypoints.http.auth.protection import Protection
from backend.entrypoints.http.auth.session_cookies import ForbiddenOriginError
from backend.entrypoints.http.auth.subprotocols import move_bearer_token
from backend.entrypoints.http.auth.websockets import GuardedWebSocket
from backend.entrypoints.http.counters import counters

_CACHE_CONTROL: Final = b"cache-control"
_PRIVATE: Final = (_CACHE_CONTROL, b"private, no-cache")

App = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]  # an ASGI app


class Guard:
    """Pure ASGI middleware around the router of an app.

    Args:
        app: The router.
        protection: The authentication of the app.
    """

    def __init__(self, app: App, protection: Protection) -> None:
        self._app = app
        self._protection = protection

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        """Serve a connection.

        Raises:
            AuthError: The connection has no valid credentials.
            ForbiddenOriginError: A session cookie is used by a page that is not allowed to.
            VerifierUnavailableError: The credentials cannot be verified now.
        """
        if AUTHENTICATOR in scope:  # an outer guard has set this key, and may trust another issuer
            scope = {key: value for key, value in scope.items() if key != PRINCIPAL}
        match scope["type"]:
            case "http":
                return self._serve(scope, receive, send)
            case "websocket":
                return self._serve_websocket(scope, receive, send)
        return self._app(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        protection = self._protection
        running = protection.running.get(get_running_loop())
        running = running or await protection.run_without_lifespan(scope)
        if running is None:
            scope[OVERRIDE] = protection.override
            await self._app(scope, receive, send)
            return
        authenticator, routes = running.authenticator, running.open_routes
        scope[AUTHENTICATOR] = authenticator

        def send_private(message: Message) -> Awaitable[None]:
            """Keep shared caches from storing the response, unless the endpoint allows that."""
            if message["type"] == "http.response.start" and PRINCIPAL in scope:
                for name, _ in message["headers"]:
                    if name == _CACHE_CONTROL:
                        break
                else:
                    message["headers"] = [*message["headers"], _PRIVATE]
            return send(message)

        if routes.authentication_is_overridden(scope):
            scope[OVERRIDE] = protection.override
            await self._app(scope, receive, send)
            return
        if routes.serve(scope):
            await self._app(scope, receive, send_private)
            return
        try:
            scope[PRINCIPAL] = await authenticator.authenticate(scope)
        except (AuthError, ForbiddenOriginError, VerifierUnavailableError):
            route = routes.find(scope)
            if route is not None:
                scope["route"] = route  # for the access log and the metrics
                raise
            await self._app(scope, receive, send)  # 404, 405 or a redirect
            return
        counters.accepted += 1
        await self._app(scope, receive, send_private)

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        protection = self._protection
        selects_bearer = move_bearer_token(scope)
        found: list[Principal] = []
        scope[FOUND] = found

        def expires_at() -> float | None:
            if PRINCIPAL in scope:
                found.append(scope[PRINCIPAL])
            earliest = min((principal.expires_at for principal in found), default=None)
            return None if earliest is None else earliest + protection.parts.leeway

        websocket = GuardedWebSocket(
            receive,
            send,
            selects_bearer=selects_bearer,
            expires_at=expires_at,
            clock=protection.parts.clock,
        )
        await websocket.serve(self._serve, scope)
