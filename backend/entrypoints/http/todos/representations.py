"""The JSON representations of todos: request bodies and responses."""

import re
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool

from backend.domain.todo import DESCRIPTION_MAX_LENGTH, TITLE_MAX_LENGTH, Priority

_RFC3339: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})"
)


def _require_rfc3339(value: object) -> object:
    """Reject numbers and strings of digits, which pydantic reads as seconds since 1970."""
    if not isinstance(value, str) or _RFC3339.fullmatch(value) is None:
        raise ValueError("must be a time with a UTC offset, for example 2026-01-31T12:00:00Z")
    return value


# For OpenAPI: the allowed characters of a text, as patterns of JSON Schema (ECMA-262). The domain
# checks the text itself. `_WHITESPACE` has the characters that Python strips, unlike `\s`.
_WHITESPACE: Final = (
    r"\u0009-\u000d\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
)
TEXT_PATTERN: Final = r"^[^\u0000]*$"
TITLE_PATTERN: Final = rf"^[^\u0000]*[^\u0000{_WHITESPACE}][^\u0000]*$"

Text = Annotated[str, Field(json_schema_extra={"pattern": TEXT_PATTERN})]
Title = Annotated[
    str,
    Field(min_length=1, max_length=TITLE_MAX_LENGTH, examples=["Buy milk"]),
    Field(json_schema_extra={"pattern": TITLE_PATTERN}),
]
Description = Annotated[Text, Field(max_length=DESCRIPTION_MAX_LENGTH)] | None
Timestamp = Annotated[AwareDatetime, BeforeValidator(_require_rfc3339)]


def _without_defaults(schema: dict[str, Any]) -> None:
    """Remove the defaults of members: some generators require a member that has a default."""
    for member in schema["properties"].values():
        member.pop("default", None)


class NewTodo(BaseModel):
    """A todo to create. Only the title is required; the default priority is `normal`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_without_defaults)

    title: Title
    description: Description = None
    completed: StrictBool = False
    priority: Priority = Priority.NORMAL
    due_at: Timestamp | None = None


class TodoChanges(BaseModel):
    """The fields to change. A missing field keeps its value; null clears an optional field."""

    model_config = ConfigDict(extra="forbid")

    # Only fields that were sent are used, so the values of these factories are never seen.
    # With a factory, null stays invalid and OpenAPI shows no default.
    title: Title = Field(default_factory=str)
    description: Description = None
    completed: StrictBool = Field(default_factory=bool)
    priority: Priority = Field(default_factory=lambda: Priority.NORMAL)
    due_at: Timestamp | None = None


class TodoResponse(BaseModel):
    """A todo. All times are in UTC."""

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
    next_cursor: str | None = Field(
        description="Send it as `cursor` to get the next page; null on the last page."
    )
