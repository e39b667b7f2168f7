"""The limit of request bodies: 64 KiB, or the `max_body_size` of the route, router or app.

Starlette enforces `max_body_size`. This module enforces the default, because Starlette's middleware
would take 3 µs of each request. Starlette also answers a `Content-Length` above its limit with
plain text, in place of any other response; this module makes that text a problem.
"""

from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import MAX_BODY_SIZE_SCOPE_KEY
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.entrypoints.http.problems.http_errors import CONTENT_TOO_LARGE
from backend.entrypoints.http.problems.problem_details import problem_response

MAX_BODY_BYTES: Final = 64 * 1024

_TOO_LARGE: Final = int(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
_HEADERS_OF_STARLETTE: Final = PlainTextResponse("Content Too Large").raw_headers


class BodyLimit:
    """Pure ASGI middleware that limits how much of a body an app reads.

    Reading more raises an `HTTPException` with status 413. Bodies that the app does not read are
    not limited, except by the `max_body_size` of the route.

    Args:
        app: The ASGI app that serves the requests. Its errors need an exception handler around
            this middleware.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http" or MAX_BODY_SIZE_SCOPE_KEY in scope:  # the app has its own limit
            await self._app(scope, receive, send)
            return
        if any(name == b"content-length" for name, _ in scope["headers"]):
            send = _send_problem(scope, receive, send)
        await self._app(scope, _limit(scope, receive), send)


def _limit(scope: Scope, receive: Receive) -> Receive:
    """Wrap an ASGI receive: raise 413 once the body exceeds the default limit."""
    remaining = MAX_BODY_BYTES

    async def receive_limited() -> Message:
        nonlocal remaining
        message = await receive()
        if MAX_BODY_SIZE_SCOPE_KEY not in scope:  # else Starlette counts, for the route
            remaining -= len(message.get("body", b""))
            if remaining < 0:
                raise HTTPException(_TOO_LARGE)
        return message

    return receive_limited


def _send_problem(scope: Scope, receive: Receive, send: Send) -> Send:
    """Wrap an ASGI send: send a problem in place of Starlette's plain text with status 413."""
    is_replaced = False

    async def send_problem(message: Message) -> None:
        nonlocal is_replaced
        if is_replaced:
            return
        if (
            message["type"] == "http.response.start"
            and message["status"] == _TOO_LARGE
            and message["headers"] == _HEADERS_OF_STARLETTE
        ):
            is_replaced = True
            response = problem_response(Request(scope), CONTENT_TOO_LARGE)
            await response(scope, receive, send)
        else:
            await send(message)

    return send_problem
