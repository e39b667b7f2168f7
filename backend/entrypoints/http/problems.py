"""Errors as problem details (RFC 9457): the only place that knows an error's status code."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

from backend.domain.auth import AuthError, MissingTokenError, VerifierUnavailableError
from backend.domain.idempotency import IdempotencyKeyReusedError
from backend.domain.todo import (
    InvalidTodoError,
    TodoConflictError,
    TodoNotFoundError,
    TodoRepositoryUnavailableError,
)
from backend.entrypoints.http.session_cookies import ForbiddenOriginError
from backend.entrypoints.http.telemetry import count_refusal, request_id

REALM: Final = "api"
MEDIA_TYPE: Final = "application/problem+json"
MAX_FIELD_PROBLEMS: Final = 20
FIELD_MAX_LENGTH: Final = 100

_DOCUMENTED: Final[Mapping[int, str]] = {
    HTTPStatus.UNAUTHORIZED: "The credentials are missing, malformed, expired or invalid.",
    HTTPStatus.FORBIDDEN: "With a session cookie: the page's origin is not allowed to do this.",
    HTTPStatus.NOT_FOUND: "The caller has no such todo.",
    HTTPStatus.PRECONDITION_FAILED: "The todo has changed since it was read.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A part of the request is invalid; `errors` names it.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Try again after `Retry-After` seconds.",
}

# Not the names of http.HTTPStatus: those change from one Python to the next.
_HTTP_ERRORS: Final[Mapping[int, tuple[str, str]]] = {
    HTTPStatus.BAD_REQUEST: ("bad_request", "The body cannot be read."),
    HTTPStatus.NOT_FOUND: ("not_found", "There is nothing here."),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method_not_allowed", "The methods in Allow are all it has."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("content_too_large", "The body is too large."),
}

_log = logging.getLogger(__name__)


class FieldProblem(BaseModel):
    """What is wrong with one part of a request."""

    field: str = Field(description="The member, parameter or header.", examples=["title"])
    detail: str = Field(description="What is wrong with it.")


class ProblemDetails(BaseModel):
    """A problem (RFC 9457)."""

    type: str = Field(default="about:blank", description="`about:blank`: `code` tells it all.")
    title: str = Field(description="The status, in words.", examples=["Unauthorized"])
    status: int = Field(description="The status code.", examples=[401])
    code: str = Field(description="What went wrong; stable.", examples=["token_expired"])
    detail: str = Field(description="What went wrong, to read.")
    request_id: str = Field(description="Names this request in the server's log.")
    errors: list[FieldProblem] | None = Field(
        default=None, description="With 422: what is wrong with which part of the request."
    )


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe error answers for OpenAPI."""
    schema = {"$ref": "#/components/schemas/ProblemDetails"}
    content = {MEDIA_TYPE: {"schema": schema}}
    return {status: {"description": _DOCUMENTED[status], "content": content} for status in statuses}


def install(app: FastAPI) -> None:
    """Make every error of the app a problem."""
    for kind, describe in _PROBLEMS.items():
        app.add_exception_handler(kind, _handler(describe))


def untrusted_host(request: Request) -> Response:
    """Answer a request for a host name that is not served here."""
    return _answer(
        request,
        _Problem(
            status=HTTPStatus.BAD_REQUEST,
            code="untrusted_host",
            detail="This host name is not served here.",
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Problem:
    status: HTTPStatus
    code: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)
    errors: Sequence[Mapping[str, str]] = ()
    log: tuple[int, str, str] | None = None


def _handler(describe: Callable[[Any], _Problem]) -> Callable[[Request, Exception], Any]:
    async def handle(request: Request, error: Exception) -> JSONResponse:
        return _answer(request, describe(error))

    return handle


def _answer(request: Request, problem: _Problem) -> JSONResponse:
    identity = request_id(request.scope)
    if problem.log is not None:
        level, message, reason = problem.log
        _log.log(level, "%s", message, extra={"request_id": identity, "reason": reason})
    content = {
        "type": "about:blank",
        "title": problem.status.phrase,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        "request_id": identity,
    }
    if problem.errors:
        content["errors"] = problem.errors
    headers = {"Cache-Control": "no-store", **problem.headers, "X-Request-ID": identity}
    if problem.status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    return JSONResponse(content, problem.status, headers=headers, media_type=MEDIA_TYPE)


def _methods(request: Request) -> set[str]:
    """Return what RFC 9110, section 15.5.6, wants to be told: the methods of every route here."""
    routes = iter_route_contexts(request.app.routes)
    here = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return {method for route in here for method in route.methods or ()}


def _unauthorized(error: AuthError) -> _Problem:
    count_refusal(error.reason)
    challenge = f'Bearer realm="{REALM}"'
    if not isinstance(error, MissingTokenError):  # RFC 6750, section 3.1
        challenge += f', error="invalid_token", error_description="{error.detail}"'
    return _Problem(
        status=HTTPStatus.UNAUTHORIZED,
        code=error.code,
        detail=error.detail,
        headers={"WWW-Authenticate": challenge},
        log=(logging.INFO, f"refused: {error.reason}: {error}", error.reason),
    )


def _forbidden_origin(error: ForbiddenOriginError) -> _Problem:
    return _Problem(
        status=HTTPStatus.FORBIDDEN,
        code="origin_not_allowed",
        detail="A session cookie changes something only for a page of an allowed origin.",
        log=(logging.INFO, f"refused: {error}", "origin_not_allowed"),
    )


def _unavailable(error: VerifierUnavailableError | TodoRepositoryUnavailableError) -> _Problem:
    part = "verifier" if isinstance(error, VerifierUnavailableError) else "database"
    return _Problem(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        code=f"{part}_unavailable",
        detail="This cannot be answered now. Try again later.",
        headers={"Retry-After": str(max(1, math.ceil(error.retry_after)))},
        log=(logging.ERROR, f"unavailable: {error}", f"{part}_unavailable"),
    )


def _not_found(_error: TodoNotFoundError) -> _Problem:
    return _Problem(
        status=HTTPStatus.NOT_FOUND, code="todo_not_found", detail="There is no such todo."
    )


def _conflict(_error: TodoConflictError) -> _Problem:
    return _Problem(
        status=HTTPStatus.PRECONDITION_FAILED,
        code="precondition_failed",
        detail="The todo has changed since it was read. Read it again.",
    )


def _invalid_todo(error: InvalidTodoError) -> _Problem:
    return _invalid([{"field": error.field, "detail": error.problem}])


def _key_reused(_error: IdempotencyKeyReusedError) -> _Problem:
    return _Problem(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        code="idempotency_key_reused",
        detail="This key came with another body before. Take a new key for a new request.",
        errors=[{"field": "Idempotency-Key", "detail": "was used with another body"}],
    )


def _invalid_request(error: RequestValidationError) -> _Problem:
    found = error.errors()[:MAX_FIELD_PROBLEMS]  # a body may have thousands
    return _invalid([{"field": _field_name(one["loc"]), "detail": _detail(one)} for one in found])


def _invalid(errors: Sequence[Mapping[str, str]]) -> _Problem:
    names = ", ".join(dict.fromkeys(error["field"] for error in errors))
    return _Problem(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        code="invalid_request",
        detail=f"The request is invalid: {names}.",
        errors=errors,
    )


def _field_name(location: Sequence[str | int]) -> str:
    """Name the part of a request that a location of pydantic's points to."""
    place, *path = location
    names = [step for step in path if isinstance(step, str)]
    return ".".join(names)[:FIELD_MAX_LENGTH] or str(place)


def _detail(error: Mapping[str, Any]) -> str:
    """Say what is wrong, and nothing of what was sent."""
    if error["type"] == "uuid_parsing":  # whose message quotes a character
        return "Input should be a valid UUID"
    return str(error["msg"]).removeprefix("Value error, ")


def _http_error(error: HTTPException) -> _Problem:
    status = HTTPStatus(error.status_code)
    code, detail = _HTTP_ERRORS.get(status, (f"http_{status}", status.phrase))
    return _Problem(status=status, code=code, detail=detail, headers=error.headers or {})


def _unexpected(error: Exception) -> _Problem:
    return _Problem(
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        code="internal_error",
        detail="Something went wrong on the server's side.",
        # The server logs the traceback, without the request's id.
        log=(logging.ERROR, f"unexpected: {type(error).__name__}", "internal_error"),
    )


_PROBLEMS: Final[Mapping[type[Exception], Callable[[Any], _Problem]]] = {
    AuthError: _unauthorized,
    ForbiddenOriginError: _forbidden_origin,
    VerifierUnavailableError: _unavailable,
    TodoRepositoryUnavailableError: _unavailable,
    TodoNotFoundError: _not_found,
    TodoConflictError: _conflict,
    InvalidTodoError: _invalid_todo,
    IdempotencyKeyReusedError: _key_reused,
    RequestValidationError: _invalid_request,
    HTTPException: _http_error,
    Exception: _unexpected,
}
