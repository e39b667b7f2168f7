"""The problems that middleware sends, for requests that no exception handler sees."""

import logging
from collections.abc import Awaitable
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.entrypoints.http.problems.problem_details import (
    SHUTTING_DOWN,
    Problem,
    problem_response,
)
from backend.entrypoints.http.problems.validation_errors import invalid_request


def _send(problem: Problem) -> ASGIApp:
    """Return an ASGI app that answers every request and handshake with the same problem."""

    def app(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return problem_response(HTTPConnection(scope), problem)(scope, receive, send)

    return app


untrusted_host: Final = _send(
    Problem(
        status=HTTPStatus.BAD_REQUEST,
        code="untrusted_host",
        detail="This server does not serve the host that the `Host` header names.",
    )
)

# The problem of a request that is not finished when the time to shut down is over.
shutting_down: Final = _send(
    replace(
        SHUTTING_DOWN,
        headers={**SHUTTING_DOWN.headers, "connection": "close"},
        log=(logging.WARNING, "cancelled: the server is shutting down", SHUTTING_DOWN.code),
    )
)


def too_many_parameters(maximum: int) -> ASGIApp:
    """Return the ASGI app for requests with more than `maximum` query parameters."""
    problem = f"must have at most {maximum} parameters"
    return _send(invalid_request([{"field": "query", "detail": problem}]))
