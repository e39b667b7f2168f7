"""What a todo looks like over HTTP: what callers say of it and of a list, and what they read."""

import re
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
)

from backend.domain.todo import (
    DESCRIPTION_MAX_LENGTH,
    PAGE_MAX_LENGTH,
    TITLE_MAX_LENGTH,
    Priority,
    TodoSort,
)

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
