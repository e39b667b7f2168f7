"""The problem of an invalid request: names each invalid part, without repeating the input."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi.exceptions import RequestValidationError

from backend.entrypoints.http.problems.problem_details import Problem

MAX_FIELD_PROBLEMS: Final = 20  # a body can have thousands of wrong fields
FIELD_MAX_LENGTH: Final = 100


def invalid_request(errors: Sequence[Mapping[str, str]]) -> Problem:
    """Return the problem of a request with invalid parts.

    Args:
        errors: The invalid parts, each with `field` and `detail`.
    """
    names = ", ".join(dict.fromkeys(error["field"] for error in errors))
    return Problem(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        code="invalid_request",
        detail=f"The request is invalid: {names}.",
        extensions={"errors": errors},
    )


def field_problems(error: RequestValidationError) -> list[dict[str, str]]:
    """Return each invalid field with its problem, for at most `MAX_FIELD_PROBLEMS` fields."""
    return [
        {"field": _field_name(detail["loc"]), "detail": _message(detail, error.body)}
        for detail in error.errors()[:MAX_FIELD_PROBLEMS]
    ]


def _field_name(location: Sequence[str | int]) -> str:
    """Name the part of the request that Pydantic's location points to."""
    source, *path = location
    names = [step for step in path if isinstance(step, str)]
    return ".".join(names)[:FIELD_MAX_LENGTH] or str(source)


def _message(detail: Mapping[str, Any], body: object) -> str:
    """Return the problem, without any part of the input."""
    if detail["type"] == "json_invalid" and isinstance(body, str):
        before = body[: detail["loc"][1]]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        return f"JSON decode error in line {line}, column {column}"
    if isinstance(body, bytes) and tuple(detail["loc"]) == ("body",):
        # FastAPI parses the body only if its content type is JSON.
        return "send it as JSON, with Content-Type: application/json"
    if detail["type"] == "uuid_parsing":  # Pydantic's message quotes a character of the input
        return "Input should be a valid UUID"
    return str(detail["msg"]).removeprefix("Value error, ")
