"""What a todo looks like over HTTP: what callers say of it and of a list, and what they read."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Self
from uuid import UUID

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
)

from backend.domain.todo import DESCRIPTION_MAX_LENGTH, TITLE_MAX_LENGTH, InvalidTodoError, Priority
from backend.domain.todo_list import PAGE_MAX_LENGTH, TodoSort

_RFC3339: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})"
)


def _rfc3339(value: object) -> object:
    """Keep pydantic from taking numbers, and strings of digits, for seconds since the epoch."""
    if not isinstance(value, str) or _RFC3339.fullmatch(value) is None:
        raise ValueError("must be a time with its UTC offset, as in 2026-01-31T12:00:00Z")
    return value


Title = Annotated[str, Field(min_length=1, max_length=TITLE_MAX_LENGTH, examples=["Buy milk"])]
Description = Annotated[str | None, Field(max_length=DESCRIPTION_MAX_LENGTH)]
Time = Annotated[AwareDatetime, BeforeValidator(_rfc3339)]


class NewTodo(BaseModel):
    """What a caller may say of a new todo."""

    model_config = ConfigDict(extra="forbid")

    title: Title
    description: Description = None
    completed: StrictBool = False
    priority: Priority = Priority.NORMAL
    due_at: Time | None = None


class TodoChanges(BaseModel):
    """What a caller may change: what is left out stays, what is null is cleared."""

    model_config = ConfigDict(extra="forbid")

    # The factories are never seen: only what was sent is used. They keep null out of the types.
    title: Title = Field(default_factory=str)
    description: Description = None
    completed: StrictBool = Field(default_factory=bool)
    priority: Priority = Field(default_factory=lambda: Priority.NORMAL)
    due_at: Time | None = None


class TodoResponse(BaseModel):
    """A todo."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    title: str
    description: str | None
    completed: bool
    priority: Priority
    due_at: datetime | None
    created_at: datetime
    updated_at: datetime


class TodoPageResponse(BaseModel):
    """One page of todos."""

    model_config = ConfigDict(from_attributes=True)

    items: list[TodoResponse]
    next_cursor: str | None = Field(description="Hand it back as `cursor`; null on the last page.")


class ListParameters(BaseModel):
    """Which todos to list."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=20, ge=1, le=PAGE_MAX_LENGTH)
    cursor: str | None = Field(default=None, max_length=4096, description="`next_cursor` of a page")
    sort: TodoSort = TodoSort.CREATED_AT_DESC
    completed: bool | None = None
    priority: Priority | None = None
    due_before: Time | None = None
    q: str | None = Field(default=None, min_length=1, max_length=TITLE_MAX_LENGTH)

    @classmethod
    def of(cls, request: Request) -> Self:
        """Read a request's query.

        FastAPI would do it by itself, and look at the type of every field for every request: a
        third of what a list costs.

        Raises:
            RequestValidationError: Naming each parameter that is wrong, unknown or given twice.
        """
        given = request.query_params.multi_items()
        said = dict(given)
        if len(said) < len(given):
            twice = next(name for name, _ in given if len(request.query_params.getlist(name)) > 1)
            raise InvalidTodoError(twice[:TITLE_MAX_LENGTH], "must be given once")
        try:
            return cls.model_validate(said)
        except ValidationError as error:
            errors = [{**one, "loc": ("query", *one["loc"])} for one in error.errors()]
            raise RequestValidationError(errors) from None


def list_parameters() -> list[dict[str, Any]]:
    """Describe the parameters of a list for OpenAPI."""
    schema = ListParameters.model_json_schema()
    return [
        {"name": name, "in": "query", "required": False, "schema": _inlined(said, schema["$defs"])}
        for name, said in schema["properties"].items()
    ]


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """Return a JSON schema with what it refers to in the places that refer to it."""
    if isinstance(schema, list):
        return [_inlined(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    named = definitions.get(str(schema.get("$ref")).removeprefix("#/$defs/"), {})
    rest = {name: one for name, one in schema.items() if name != "$ref"}
    return {**named, **{name: _inlined(one, definitions) for name, one in rest.items()}}
