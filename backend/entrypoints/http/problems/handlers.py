"""Errors as problem details (RFC 9457): the only place that knows an error's status code."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from backend.domain.auth import AuthError, MissingTokenError, VerifierUnavailableError
from backend.domain.idempotency import IdempotencyKeyReusedError
from backend.domain.todo import InvalidTodoError, TodoConflictError, TodoNotFoundError
from backend.domain.todo_list import InvalidTodoQueryError
from backend.domain.todo_repository import RepositoryUnavailableError
from backend.entrypoints.http.auth.session_cookies import ForbiddenOriginError
from backend.entrypoints.http.problems.errors import InvalidParameterError
from backend.entrypoints.http.problems.problem_details import Problem, answer
from backend.entrypoints.http.telemetry import count_refusal

REALM: Final = "api"
MAX_FIELD_PROBLEMS: Final = 20
FIELD_MAX_LENGTH: Final = 100

# Not the names of http.HTTPStatus: those change from one Python to the next.
_HTTP_ERRORS: Final[Mapping[int, tuple[str, str]]] = {
    HTTPStatus.BAD_REQUEST: ("bad_request", "The body cannot be read."),
    HTTPStatus.FORBIDDEN: ("forbidden", "The caller may not do this."),
    HTTPStatus.NOT_FOUND: ("not_found", "There is nothing here."),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "method_not_allowed",
        "Allow lists the methods that there are.",
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("content_too_large", "The body is too large."),
}


def install(app: FastAPI) -> None:
    """Make every error of the app a problem."""
    for kind, describe in _PROBLEMS.items():
        app.add_exception_handler(kind, _handler(describe))


def untrusted_host(request: Request) -> Response:
    """Answer a request for a host name that is not served here."""
    return answer(
        request,
        Problem(
            status=HTTPStatus.BAD_REQUEST,
            code="untrusted_host",
            detail="This host name is not served here.",
        ),
    )


def _handler(describe: Callable[[Any], Problem]) -> Callable[[Request, Exception], Any]:
    async def handle(request: Request, error: Exception) -> JSONResponse:
        return answer(request, describe(error))

    return handle


def _unauthorized(error: AuthError) -> Problem:
    count_refusal(error.reason)
    challenge = f'Bearer realm="{REALM}"'
    if not isinstance(error, MissingTokenError):  # RFC 6750, section 3.1
        challenge += f', error="invalid_token", error_description="{error.detail}"'
    return Problem(
        status=HTTPStatus.UNAUTHORIZED,
        code=error.code,
        detail=error.detail,
        headers={"WWW-Authenticate": challenge},
        log=(logging.INFO, f"refused: {error.reason}: {error}", error.reason),
    )


def _forbidden_origin(error: ForbiddenOriginError) -> Problem:
    return Problem(
        status=HTTPStatus.FORBIDDEN,
        code="origin_not_allowed",
        detail="A session cookie changes something only for a page of an allowed origin.",
        log=(logging.INFO, f"refused: {error}", "origin_not_allowed"),
    )


def _unavailable(error: VerifierUnavailableError | RepositoryUnavailableError) -> Problem:
    part = "verifier" if isinstance(error, VerifierUnavailableError) else "database"
    return Problem(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        code=f"{part}_unavailable",
        detail="This cannot be answered now. Try again later.",
        headers={"Retry-After": str(max(1, math.ceil(error.retry_after)))},
        log=(logging.ERROR, f"unavailable: {error}", f"{part}_unavailable"),
    )


def _not_found(_error: TodoNotFoundError) -> Problem:
    return Problem(
        status=HTTPStatus.NOT_FOUND, code="todo_not_found", detail="There is no such todo."
    )


def _conflict(_error: TodoConflictError) -> Problem:
    return Problem(
        status=HTTPStatus.PRECONDITION_FAILED,
        code="precondition_failed",
        detail="The todo has changed since it was read. Read it again.",
    )


def _invalid_todo(error: InvalidTodoError | InvalidTodoQueryError) -> Problem:
    return _invalid([{"field": error.field, "detail": error.problem}])


def _invalid_parameter(error: InvalidParameterError) -> Problem:
    return _invalid([{"field": error.name, "detail": error.problem}])


def _key_reused(_error: IdempotencyKeyReusedError) -> Problem:
    return Problem(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        code="idempotency_key_reused",
        detail="This key came with another body before. Take a new key for a new request.",
        errors=[{"field": "Idempotency-Key", "detail": "was used with another body"}],
    )


def _invalid_request(error: RequestValidationError) -> Problem:
    found = error.errors()[:MAX_FIELD_PROBLEMS]  # a body may have thousands
    return _invalid(
        [{"field": _field_name(one["loc"]), "detail": _detail(one, error.body)} for one in found]
    )


def _invalid(errors: Sequence[Mapping[str, str]]) -> Problem:
    names = ", ".join(dict.fromkeys(error["field"] for error in errors))
    return Problem(
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


def _detail(error: Mapping[str, Any], body: object) -> str:
    """Say what is wrong, and nothing of what was sent."""
    if error["type"] == "json_invalid" and isinstance(body, str):
        before = body[: error["loc"][1]]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        return f"JSON decode error in line {line}, column {column}"
    if isinstance(body, bytes) and tuple(error["loc"]) == ("body",):
        return "send it as JSON, with Content-Type: application/json"  # else it is never parsed
    if error["type"] == "uuid_parsing":  # whose message quotes a character
        return "Input should be a valid UUID"
    return str(error["msg"]).removeprefix("Value error, ")


def _http_error(error: HTTPException) -> Problem:
    status = HTTPStatus(error.status_code)
    code, detail = _HTTP_ERRORS.get(status, (f"http_{status}", status.phrase))
    return Problem(status=status, code=code, detail=detail, headers=error.headers or {})


def _unexpected(error: Exception) -> Problem:
    return Problem(
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        code="internal_error",
        detail="Something went wrong on the server's side.",
        # The server logs the traceback, without the request's id.
        log=(logging.ERROR, f"unexpected: {type(error).__name__}", "internal_error"),
    )


_PROBLEMS: Final[Mapping[type[Exception], Callable[[Any], Problem]]] = {
    AuthError: _unauthorized,
    ForbiddenOriginError: _forbidden_origin,
    VerifierUnavailableError: _unavailable,
    RepositoryUnavailableError: _unavailable,
    TodoNotFoundError: _not_found,
    TodoConflictError: _conflict,
    InvalidTodoError: _invalid_todo,
    InvalidTodoQueryError: _invalid_todo,
    InvalidParameterError: _invalid_parameter,
    IdempotencyKeyReusedError: _key_reused,
    RequestValidationError: _invalid_request,
    HTTPException: _http_error,
    Exception: _unexpected,
}
