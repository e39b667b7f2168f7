"""The problems of the caller's todos."""

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from backend.domain.idempotency import IdempotencyKeyReusedError
from backend.domain.todo import TodoConflictError, TodoLimitReachedError, TodoNotFoundError
from backend.domain.todo_repository import SearchTimeoutError
from backend.entrypoints.http.problems.errors import UnusableEntityTagError
from backend.entrypoints.http.problems.problem_details import Problem, retry_after_header


def _search_timeout(error: SearchTimeoutError) -> Problem:
    return Problem(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        code="search_timeout",
        detail="The search took too long. Send fewer searches at a time, or add other filters.",
        headers=retry_after_header(error.retry_after),
        log=(logging.WARNING, f"unavailable: {error}", "search_timeout"),
    )


def _todo_not_found(_error: TodoNotFoundError) -> Problem:
    return Problem(status=HTTPStatus.NOT_FOUND, code="todo_not_found", detail="No such todo.")


def _todo_conflict(_error: TodoConflictError) -> Problem:
    return Problem(
        status=HTTPStatus.PRECONDITION_FAILED,
        code="precondition_failed",
        detail="The todo has changed since you read it. Read it again.",
    )


def _todo_limit_reached(error: TodoLimitReachedError) -> Problem:
    return Problem(
        status=HTTPStatus.CONFLICT,
        code="todo_limit_reached",
        detail=f"You have {error.limit} todos, the most that a user may have. Delete some first.",
    )


def _unusable_entity_tag(_error: UnusableEntityTagError) -> Problem:
    return Problem(
        status=HTTPStatus.PRECONDITION_FAILED,
        code="precondition_failed",
        detail='Weak (`W/"1"`) and unquoted tags never match `If-Match`. Send the `ETag` of'
        ' the todo as a strong tag in double quotes, for example `"1"`.',
    )


def _idempotency_key_reused(_error: IdempotencyKeyReusedError) -> Problem:
    return Problem(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        code="idempotency_key_reused",
        detail="This key was already used with a different body. Use a new key for a new request.",
        extensions={
            "errors": [
                {"field": "Idempotency-Key", "detail": "was already used with a different body"}
            ]
        },
    )


PROBLEMS: Final[Mapping[type[Exception], Callable[[Any], Problem]]] = {
    SearchTimeoutError: _search_timeout,
    TodoNotFoundError: _todo_not_found,
    TodoConflictError: _todo_conflict,
    TodoLimitReachedError: _todo_limit_reached,
    UnusableEntityTagError: _unusable_entity_tag,
    IdempotencyKeyReusedError: _idempotency_key_reused,
}
