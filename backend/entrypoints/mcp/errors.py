"""Errors of tools as text for a model: the problem, and the next step."""

import math
import re
from typing import Any, Final

from pydantic import ValidationError

from backend.domain.todo import (
    InvalidTodoError,
    TodoConflictError,
    TodoLimitReachedError,
    TodoNotFoundError,
)
from backend.domain.todo_list import InvalidTodoQueryError
from backend.domain.todo_repository import RepositoryUnavailableError, SearchTimeoutError
from backend.entrypoints.http.todos.cursors import InvalidCursorError

UNEXPECTED: Final = (
    "An unexpected error occurred on the server. Do not repeat the call more than once; tell the"
    " user about the error."
)

_MAX_PROBLEMS: Final = 10
_NAME_MAX_LENGTH: Final = 100
_SUBJECT: Final = re.compile(r"\A(?:Input|String|Value|Datetime) (?=should )")


class EmptyChangeError(Exception):
    """The arguments name no field to change."""


def explain(error: Exception) -> str | None:
    """Return the text of an error for a model; None if the error is unexpected."""
    match error:
        case TodoNotFoundError():
            text = "No todo with this id. Call list_todos to get the ids."
        case TodoConflictError():
            text = "The todo has changed since you read it. Call get_todo, and try again."
        case TodoLimitReachedError():
            text = (
                f"The user has {error.limit} todos, the most that a user may have. Ask the user"
                " which todos to delete."
            )
        case InvalidTodoError() | InvalidTodoQueryError():
            text = f"{error.field} {error.problem}. Correct the argument, and call the tool again."
        case InvalidCursorError():
            text = (
                f"cursor {error}. To start again at the first page, call list_todos without cursor."
            )
        case EmptyChangeError():
            text = "No field to change. Send at least one field besides id and version."
        case SearchTimeoutError():
            text = "The search took too long. Use a longer text in q, or add other filters."
        case RepositoryUnavailableError():
            seconds = max(1, math.ceil(error.retry_after))
            text = f"The todos are temporarily unavailable. Try again after {seconds} seconds."
        case _:
            return None
    return text


def explain_arguments(error: ValidationError, schema: dict[str, Any]) -> str:
    """Return a text about invalid arguments for a model. The text quotes no value.

    Args:
        error: The errors of the arguments.
        schema: The JSON schema of the arguments.
    """
    details = error.errors(include_url=False, include_context=False, include_input=False)
    problems = [_problem(detail) for detail in details[:_MAX_PROBLEMS]]
    known = ", ".join(schema["properties"])
    return f"Invalid arguments: {'; '.join(problems)}. The tool takes: {known}."


def _problem(detail: Any) -> str:
    name = ".".join(map(str, detail["loc"]))[:_NAME_MAX_LENGTH]
    match detail["type"]:
        case "extra_forbidden":
            problem = "is not an argument of this tool"
        case "missing":
            problem = "is required"
        case "uuid_parsing":  # Pydantic's message quotes a character of the value
            problem = "must be a UUID"
        case _:
            problem = str(detail["msg"]).removeprefix("Value error, ")
            problem = _SUBJECT.sub("", problem)
    return f"{name} {problem}"
