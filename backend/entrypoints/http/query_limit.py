"""The limit of query parameters: a request with too many is rejected before they are parsed."""

from collections.abc import Awaitable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from backend.entrypoints.http.problems.middleware import too_many_parameters

PARAMETERS_MAX: Final = 64

_reject: Final = too_many_parameters(PARAMETERS_MAX)


class QueryLimit:
    """Pure ASGI middleware that answers 422 if the query string has more than 64 parameters.

    Args:
        app: The ASGI app that serves all other requests.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve a request, or reject it."""
        # The app's own awaitable: another coroutine around it would slow down every request.
        if scope.get("query_string", b"").count(b"&") < PARAMETERS_MAX:
            return self._app(scope, receive, send)
        return _reject(scope, receive, send)
