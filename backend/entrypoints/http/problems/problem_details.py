"""What a problem (RFC 9457) looks like: the response, and its description in OpenAPI."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, Field
from starlette.routing import Match

from backend.entrypoints.http.metrics import count_unavailable
from backend.entrypoints.http.telemetry import request_id

MEDIA_TYPE: Final = "application/problem+json"

_DOCUMENTED: Final[Mapping[int, str]] = {
    HTTPStatus.BAD_REQUEST: "The body cannot be read.",
    HTTPStatus.UNAUTHORIZED: "The credentials are missing, malformed, expired or invalid.",
    HTTPStatus.FORBIDDEN: "With a session cookie: the origin of the page is not allowed.",
    HTTPStatus.NOT_FOUND: "The caller has no such todo.",
    HTTPStatus.CONFLICT: "The caller has as many todos as a user may have.",
    HTTPStatus.PRECONDITION_FAILED: "The todo has changed since it was read.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than 64 KiB.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A part of the request is invalid; `errors` names it.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Try again after `Retry-After` seconds.",
}

_log = logging.getLogger(__name__)


class FieldProblem(BaseModel):
    """An invalid part of a request."""

    field: str = Field(description="The member, parameter or header.", examples=["title"])
    detail: str = Field(description="What is wrong with it.")


class ProblemDetails(BaseModel):
    """A problem (RFC 9457)."""

    type: str = Field(
        default="about:blank", description="Always `about:blank`; `code` names the error."
    )
    title: str = Field(
        description="The reason phrase of the status code.", examples=["Unauthorized"]
    )
    status: int = Field(description="The status code.", examples=[401])
    code: str = Field(
        description="A stable name of the error, for programs.", examples=["token_expired"]
    )
    detail: str = Field(description="What went wrong, for people.")
    request_id: str = Field(description="The id of this request in the server's log.")
    errors: list[FieldProblem] | None = Field(
        default=None, description="With 422: the invalid parts of the request."
    )


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI description of error responses with these status codes."""
    schema = {"$ref": "#/components/schemas/ProblemDetails"}
    content = {MEDIA_TYPE: {"schema": schema}}
    return {status: {"description": _DOCUMENTED[status], "content": content} for status in statuses}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """The response to an error.

    Attributes:
        status: The status code.
        code: A stable name of the error, for programs.
        detail: What went wrong, for people.
        headers: Further headers of the response.
        errors: The invalid parts of the request, each with `field` and `detail`.
        log: The level, message and reason to log; None to log nothing.
    """

    status: HTTPStatus
    code: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)
    errors: Sequence[Mapping[str, str]] = ()
    log: tuple[int, str, str] | None = None


def retry_after(seconds: float) -> dict[str, str]:
    """Return the header that asks a client to wait, for a whole second or more."""
    return {"Retry-After": str(max(1, math.ceil(seconds)))}


def problem_content(problem: Problem, identity: str) -> dict[str, Any]:
    """Return the members of a problem.

    Args:
        problem: The problem.
        identity: The id of the request.
    """
    content = {
        "type": "about:blank",
        "title": problem.status.phrase,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        "request_id": identity,
    }
    return {**content, "errors": problem.errors} if problem.errors else content


def problem_response(request: Request, problem: Problem) -> JSONResponse:
    """Return the response to a request that has a problem; log the problem, and count a 503."""
    identity = request_id(request.scope)
    if problem.log is not None:
        level, message, reason = problem.log
        _log.log(level, "%s", message, extra={"request_id": identity, "reason": reason})
    if problem.status is HTTPStatus.SERVICE_UNAVAILABLE:
        count_unavailable(problem.code.removesuffix("_unavailable"))
    content = problem_content(problem, identity)
    headers = {"Cache-Control": "no-store", **problem.headers}
    if problem.status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_allowed_methods(request)))
    return JSONResponse(content, problem.status, headers=headers, media_type=MEDIA_TYPE)


def _allowed_methods(request: Request) -> set[str]:
    """Return the methods of every route that has this path (RFC 9110, section 15.5.6)."""
    routes = iter_route_contexts(request.app.routes)
    matching = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    methods = {method for route in matching for method in route.methods or ()}
    return methods | {"HEAD"} if "GET" in methods else methods
