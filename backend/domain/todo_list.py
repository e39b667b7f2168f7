"""Lists of todos: sort orders, positions, queries and pages."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Self
from uuid import UUID

from backend.domain.todo import TITLE_MAX_LENGTH, Priority, Todo, check_text, in_utc

PAGE_MAX_LENGTH: Final = 100
NEVER_DUE: Final = datetime.max.replace(tzinfo=UTC)


class TodoSort(StrEnum):
    """The orders that a list can have: ties go by id, and a leading minus turns it all around."""

    CREATED_AT = "created_at"
    CREATED_AT_DESC = "-created_at"
    DUE_AT = "due_at"
    DUE_AT_DESC = "-due_at"
    PRIORITY = "priority"
    PRIORITY_DESC = "-priority"
    TITLE = "title"
    TITLE_DESC = "-title"

    @property
    def field(self) -> str:
        """The field that decides, without its direction."""
        return self.value.removeprefix("-")

    @property
    def descending(self) -> bool:
        """Whether the greatest comes first."""
        return self.value.startswith("-")


@dataclass(frozen=True, slots=True, kw_only=True)
class TodoPosition:
    """A place in a sorted list: just behind the todo with this key and id.

    Attributes:
        key: The value of the sorted field: a time (`NEVER_DUE` for none), a rank, or a title.
        id: The todo's id, which breaks ties.
    """

    key: datetime | int | str
    id: UUID

    @classmethod
    def of(cls, todo: Todo, sort: TodoSort) -> Self:
        """Return the place of one todo in one order."""
        match sort.field:
            case "created_at":
                return cls(key=todo.created_at, id=todo.id)
            case "due_at":
                return cls(key=todo.due_at or NEVER_DUE, id=todo.id)
            case "priority":
                return cls(key=todo.priority.rank, id=todo.id)
            case _:
                return cls(key=todo.title, id=todo.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class TodoQuery:
    """Which of an owner's todos to list, and in what order.

    Attributes:
        limit: The most todos to return, 1 to 100.
        sort: The order. Titles sort by code point; without a due date is due never.
        after: Start behind this position; its key must be of the sorted field's type.
        completed: Only the done ones, or only the open ones.
        priority: Only those of this priority.
        due_before: Only those due before this time (UTC); excludes those due never.
        q: Only those whose title or description contains this text, in any case.

    Raises:
        InvalidTodoError: A filter breaks a rule.
    """

    limit: int = 20
    sort: TodoSort = TodoSort.CREATED_AT_DESC
    after: TodoPosition | None = None
    completed: bool | None = None
    priority: Priority | None = None
    due_before: datetime | None = None
    q: str | None = None

    def __post_init__(self) -> None:
        if self.q is not None:
            check_text("q", self.q, TITLE_MAX_LENGTH)
        if self.due_before is not None:
            object.__setattr__(self, "due_before", in_utc("due_before", self.due_before))


@dataclass(frozen=True, slots=True, kw_only=True)
class TodoPage:
    """One page of a list, and where the next one starts, if there is one."""

    items: tuple[Todo, ...]
    next: TodoPosition | None = None
