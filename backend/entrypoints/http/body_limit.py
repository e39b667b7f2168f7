"""The limit of request bodies: 64 KiB, or the `max_body_size` of the route.

FastAPI counts the bytes for routes with a `max_body_size`. It answers a `Content-Length` above that
limit with plain text, in place of every other response. This module makes that text a problem.
"""

from collections.abc import Awaitable
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

_HEADERS_OF_STARLETTE: Final = PlainTextResponse("Content Too Large").raw_headers


class BodyLimit:
    """Pure ASGI middleware that limits request bodies, and answers larger bodies with a problem.

    A body that no endpoint reads is not limited: nothing keeps it in memory.

    Args:
        app: The ASGI app that serves the requests.
        max_body_size: The limit in bytes for routes that have no `max_body_size`.
    """

    def __init__(self, app: ASGIApp, max_body_size: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._max_body_size = max_body_size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        remaining = self._max_body_size
        is_replaced = False

        async def receive_limited() -> Message:
            nonlocal remaining
            message = await receive()
            if MAX_BODY_SIZE_SCOPE_KEY not in scope:  # else FastAPI has a limit for this request
                remaining -= len(message.get("body", b""))
                if remaining < 0:
                    raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        def send_problem(message: Message) -> Awaitable[None]:
            nonlocal is_replaced
            if is_replaced:
                return _send_nothing()
            if (
                message["type"] == "http.response.start"
                and message["status"] == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
                and message["headers"] == _HEADERS_OF_STARLETTE
            ):
                is_replaced = True
                response = problem_response(Request(scope), CONTENT_TOO_LARGE)
                return response(scope, receive, send)
            return send(message)

        await self._app(scope, receive_limited, send_problem)


async def _send_nothing() -> None:
    """Drop a message of a response that is replaced."""
