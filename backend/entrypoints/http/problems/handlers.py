"""The exception handlers of the Todo API: each maps an error to a problem (RFC 9457)."""

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from backend.domain.todo import InvalidTodoError
from backend.domain.todo_list import InvalidTodoQueryError
from backend.domain.todo_repository import RepositoryUnavailableError
from backend.entrypoints.http.problems import todos
from backend.entrypoints.http.problems.auth_problems import install_auth_problems
from backend.entrypoints.http.problems.errors import InvalidParameterError
from backend.entrypoints.http.problems.http_errors import handle_http_error
from backend.entrypoints.http.problems.outages import Outages
from backend.entrypoints.http.problems.problem_details import (
    Problem,
    problem_response,
    unavailable,
)
from backend.entrypoints.http.problems.validation_errors import field_problems, invalid_request
from backend.entrypoints.http.request_ids import request_id


def install(app: FastAPI, outages: Outages | None = None) -> None:
    """Make an app answer every error with a problem.

    Args:
        app: The app.
        outages: Logs the outages of the parts of the app. By default no part is checked.
    """
    outages = outages or Outages({})

    async def handle_database_outage(
        request: Request, error: RepositoryUnavailableError
    ) -> Response:
        outages.database.record(error, request_id=request_id(request.scope))
        problem = unavailable("database", error, retry_after=error.retry_after)
        return problem_response(request, problem)

    install_auth_problems(app, outage=outages.verifier)
    handlers: dict[Any, Any] = {kind: _handler(make) for kind, make in _PROBLEMS.items()}
    handlers[HTTPException] = handle_http_error
    handlers[RepositoryUnavailableError] = handle_database_outage
    app.exception_handlers.update(handlers)


def _handler(to_problem: Callable[[Any], Problem]) -> Callable[[Request, Exception], Any]:
    async def handle(request: Request, error: Exception) -> Response:
        return problem_response(request, to_problem(error))

    return handle


def _invalid_todo(error: InvalidTodoError | InvalidTodoQueryError) -> Problem:
    return invalid_request([{"field": error.field, "detail": error.problem}])


def _invalid_parameter(error: InvalidParameterError) -> Problem:
    return invalid_request([{"field": error.name, "detail": error.problem}])


def _validation_failed(error: RequestValidationError) -> Problem:
    return invalid_request(field_problems(error))


def _client_gone(_error: ClientDisconnect) -> Problem:
    """Return a problem that no client receives. The server has set the status to record."""
    return Problem(
        status=HTTPStatus.BAD_REQUEST, code="bad_request", detail="The body cannot be read."
    )


def _unexpected(error: Exception) -> Problem:
    return Problem(
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        code="internal_error",
        detail="An unexpected error occurred on the server.",
        # The server logs the traceback; this line adds the request id.
        log=(logging.ERROR, f"unexpected: {type(error).__name__}", "internal_error"),
    )


_PROBLEMS: Final[Mapping[type[Exception], Callable[[Any], Problem]]] = {
    **todos.PROBLEMS,
    InvalidTodoError: _invalid_todo,
    InvalidTodoQueryError: _invalid_todo,
    InvalidParameterError: _invalid_parameter,
    RequestValidationError: _validation_failed,
    ClientDisconnect: _client_gone,
    Exception: _unexpected,
}
