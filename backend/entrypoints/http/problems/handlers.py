"""The exception handlers of the app: each maps an error to a problem (RFC 9457)."""

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from backend.domain.auth import AuthError, MissingTokenError, VerifierUnavailableError
from backend.domain.todo import InvalidTodoError
from backend.domain.todo_list import InvalidTodoQueryError
from backend.domain.todo_repository import RepositoryUnavailableError
from backend.entrypoints.http.auth.session_cookies import ForbiddenOriginError
from backend.entrypoints.http.metrics import count_refusal
from backend.entrypoints.http.problems import todos
from backend.entrypoints.http.problems.errors import InvalidParameterError
from backend.entrypoints.http.problems.outages import Outages
from backend.entrypoints.http.problems.problem_details import (
    Problem,
    problem_response,
    retry_after,
)
from backend.entrypoints.http.problems.validation_errors import field_problems, invalid_request
from backend.entrypoints.http.telemetry import request_id

REALM: Final = "api"

# Codes are part of the contract, so they are not the names of http.HTTPStatus: Python renames some.
_HTTP_ERRORS: Final[Mapping[int, tuple[str, str]]] = {
    HTTPStatus.BAD_REQUEST: ("bad_request", "The body cannot be read."),
    HTTPStatus.FORBIDDEN: ("forbidden", "You do not have permission to do this."),
    HTTPStatus.NOT_FOUND: ("not_found", "No such route."),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "method_not_allowed",
        "Method not allowed. The `Allow` header lists the supported methods.",
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("content_too_large", "The body is too large."),
}


def install(app: FastAPI) -> None:
    """Make an app answer every error with a problem. Needs `app.state.checks`."""
    app.state.outages = Outages(app.state.checks)
    for error_class, to_problem in _PROBLEMS.items():
        app.add_exception_handler(error_class, _handler(to_problem))
    for error_class in (VerifierUnavailableError, RepositoryUnavailableError):
        app.add_exception_handler(error_class, _handle_outage)


def _handler(to_problem: Callable[[Any], Problem]) -> Callable[[Request, Exception], Any]:
    async def handle(request: Request, error: Exception) -> Response:
        return problem_response(request, to_problem(error))

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
        log=(logging.INFO, f"refused: {error.reason}: {error}{_details(error)}", error.reason),
    )


def _details(error: AuthError) -> str:
    values = {"found": error.found, "expected": error.expected}
    details = ", ".join(f"{name} {value}" for name, value in values.items() if value)
    return f"; {details}" if details else ""


def _forbidden_origin(error: ForbiddenOriginError) -> Problem:
    return Problem(
        status=HTTPStatus.FORBIDDEN,
        code="origin_not_allowed",
        detail=(
            "With a session cookie, a request that changes data or comes from another site must"
            " have an allowed `Origin`."
        ),
        log=(logging.INFO, f"refused: {error}", "origin_not_allowed"),
    )


async def _handle_outage(request: Request, error: Exception) -> Response:
    outages: Outages = request.app.state.outages
    is_verifier = isinstance(error, VerifierUnavailableError)
    outage = outages.verifier if is_verifier else outages.database
    outage.record(error, request_id=request_id(request.scope))
    return problem_response(request, _unavailable("verifier" if is_verifier else "database", error))


def _unavailable(part: str, error: Any) -> Problem:
    return Problem(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        code=f"{part}_unavailable",
        detail="The service is temporarily unavailable. Try again after `Retry-After` seconds.",
        headers=retry_after(error.retry_after),
        log=(logging.DEBUG, f"unavailable: {error}", f"{part}_unavailable"),
    )


def _invalid_todo(error: InvalidTodoError | InvalidTodoQueryError) -> Problem:
    return invalid_request([{"field": error.field, "detail": error.problem}])


def _invalid_parameter(error: InvalidParameterError) -> Problem:
    return invalid_request([{"field": error.name, "detail": error.problem}])


def _validation_failed(error: RequestValidationError) -> Problem:
    return invalid_request(field_problems(error))


def _http_error(error: HTTPException) -> Problem:
    status = HTTPStatus(error.status_code)
    code, detail = _HTTP_ERRORS.get(status, (f"http_{status}", status.phrase))
    return Problem(status=status, code=code, detail=detail, headers=error.headers or {})


def _client_gone(_error: ClientDisconnect) -> Problem:
    """Return a problem that no client receives. The server has set the status to record."""
    code, detail = _HTTP_ERRORS[HTTPStatus.BAD_REQUEST]
    return Problem(status=HTTPStatus.BAD_REQUEST, code=code, detail=detail)


def _unexpected(error: Exception) -> Problem:
    return Problem(
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        code="internal_error",
        detail="An unexpected error occurred on the server.",
        # The server logs the traceback; this line adds the request id.
        log=(logging.ERROR, f"unexpected: {type(error).__name__}", "internal_error"),
    )


_PROBLEMS: Final[Mapping[type[Exception], Callable[[Any], Problem]]] = {
    AuthError: _unauthorized,
    ForbiddenOriginError: _forbidden_origin,
    **todos.PROBLEMS,
    InvalidTodoError: _invalid_todo,
    InvalidTodoQueryError: _invalid_todo,
    InvalidParameterError: _invalid_parameter,
    RequestValidationError: _validation_failed,
    HTTPException: _http_error,
    ClientDisconnect: _client_gone,
    Exception: _unexpected,
}
