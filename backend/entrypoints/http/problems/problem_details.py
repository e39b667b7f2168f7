"""Problems (RFC 9457): the response to an error."""

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from fastapi.responses import JSONResponse
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from backend.entrypoints.http.counters import counters
from backend.entrypoints.http.denials import with_denials
from backend.entrypoints.http.log_fields import REASON
from backend.entrypoints.http.problems.challenges import name_metadata
from backend.entrypoints.http.request_ids import request_id

MEDIA_TYPE: Final = "application/problem+json"
MAX_STATUS: Final = 599

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """The response to an error.

    Attributes:
        status: The status code, from 400 to 599.
        code: A stable name of the error, for programs.
        detail: A description of the error, for people: text, or the JSON value of an
            `HTTPException`.
        headers: Further headers of the response. `Cache-Control: no-store` is the default.
        extensions: Further members of the body, for example `errors` of an invalid request.
        type: The URI of the kind of problem.
        title: The name of that kind; None for the reason phrase of the status code.
        log: The level, message and reason to log; None to log nothing.
    """

    status: int
    code: str
    detail: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    extensions: Mapping[str, Any] = field(default_factory=dict)
    type: str = "about:blank"
    title: str | None = None
    log: tuple[int, str, str] | None = None


SHUTTING_DOWN: Final = Problem(
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    code="shutting_down",
    detail="The server is shutting down. Try again after `Retry-After` seconds.",
    headers={"retry-after": "1"},
)


def unavailable(part: str, error: Exception, *, retry_after: float) -> Problem:
    """Return the problem of a part of the app that cannot be used now.

    Args:
        part: The name of the part: the code of the problem is that name and `_unavailable`.
        error: Why the part cannot be used, for the log.
        retry_after: Seconds after which the client should try again.
    """
    return Problem(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        code=f"{part}_unavailable",
        detail="The service is temporarily unavailable. Try again after `Retry-After` seconds.",
        headers=retry_after_header(retry_after),
        log=(logging.DEBUG, f"unavailable: {error}", f"{part}_unavailable"),
    )


def retry_after_header(seconds: float) -> dict[str, str]:
    """Return the header that asks a client to wait, for a whole second or more."""
    return {"Retry-After": str(max(1, math.ceil(seconds)))}


def problem_content(problem: Problem, identity: str) -> dict[str, Any]:
    """Return the members of a problem.

    Args:
        problem: The problem.
        identity: The id of the request.
    """
    return {
        "type": problem.type,
        "title": problem.title or reason_phrase(problem.status),
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        "request_id": identity,
        **problem.extensions,
    }


class ProblemResponse(JSONResponse):
    """A response whose body is a problem, to a request or to the handshake of a WebSocket."""

    media_type = MEDIA_TYPE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        await super().__call__(scope, receive, with_denials(scope, send))

    def render(self, content: Any) -> bytes:
        """Return the body as UTF-8, with lone surrogates as escapes of JSON."""
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8", "backslashreplace")


def problem_response(connection: HTTPConnection, problem: Problem) -> ProblemResponse:
    """Return the response to a request that has a problem; log and count the problem.

    The app needs no middleware for this, and nothing in `app.state`.
    """
    identity = request_id(connection.scope)
    level, message, reason = problem.log or (logging.NOTSET, "", problem.code)
    connection.scope.setdefault(REASON, reason)
    if problem.log is not None:
        _log.log(level, "%s", message, extra={"request_id": identity, "reason": reason})
        if problem.status == HTTPStatus.UNAUTHORIZED:
            counters.refusal(reason)
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        counters.unavailable(problem.code.removesuffix("_unavailable"))
    content = problem_content(problem, identity)
    response = ProblemResponse(content, problem.status, headers=problem.headers)
    response.headers.setdefault("Cache-Control", "no-store")
    name_metadata(response.headers, connection.scope)
    return response


def require_error_status(status: int) -> None:
    """Raise a `ValueError` if a status code is not that of an error."""
    if not is_error_status(status):
        raise ValueError(f"{status} is not the status code of an error: use 400 to 599")


def is_error_status(status: int) -> bool:
    """Return whether a status code is that of an error (RFC 9110, sections 15.5 and 15.6)."""
    return HTTPStatus.BAD_REQUEST <= status <= MAX_STATUS


def reason_phrase(status: int) -> str:
    """Return the reason phrase of the status code of an error, also of an unassigned code."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        is_server_error = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        return "Server Error" if is_server_error else "Client Error"
