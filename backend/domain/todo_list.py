"""Lists of todos: sort orders, positions, queries and pages."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Self
from uuid import UUID

from backend.domain.todo import (
    TITLE_MAX_LENGTH,
    InvalidTodoError,
    Priority,
    Todo,
    check_text,
    to_utc,
)

PAGE_MAX_LENGTH: Final = 100
NEVER_DUE: Final = datetime.max.replace(tzinfo=UTC)  # the sort key of a todo without a due date


class TodoSort(StrEnum):
    """The sort orders of a list. A leading minus means descending, ties (by id) included."""

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
        """The field to sort by."""
        return self.value.removeprefix("-")

    @property
    def descending(self) -> bool:
        """Whether the greatest value comes first."""
        return self.value.startswith("-")


@dataclass(frozen=True, slots=True, kw_only=True)
class TodoPosition:
    """A position in a sorted list: directly after the todo with this key and id.

    Attributes:
        key: The value of the sort field: a time (`NEVER_DUE` for no due date), a rank, or a title.
        id: The todo's id, which breaks ties.
    """

    key: datetime | int | str
    id: UUID

    @classmethod
    def of(cls, todo: Todo, sort: TodoSort) -> Self:
        """Return the position of a todo in a sort order."""
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
    """A selection of an owner's todos, and their order. Filters are combined with AND.

    Attributes:
        limit: The maximum number of todos on a page, 1 to 100.
        sort: The order. Titles sort by code point; todos without a due date count as due last.
        after: Start after this position; the type of its key must match the sort field.
        completed: Only completed todos (True) or only open todos (False).
        priority: Only todos with this priority.
        due_before: Only todos due before this time (UTC); todos without a due date never match.
        q: Only todos whose title or description contains this text; see `search_key`.

    Raises:
        InvalidTodoQueryError: A filter breaks a rule.
    """

    limit: int = 20
    sort: TodoSort = TodoSort.CREATED_AT_DESC
    after: TodoPosition | None = None
    completed: bool | None = None
    priority: Priority | None = None
    due_before: datetime | None = None
    q: str | None = None

    def __post_init__(self) -> None:
        try:
            if self.q is not None:
                check_text("q", self.q, TITLE_MAX_LENGTH)
            if self.due_before is not None:
                object.__setattr__(self, "due_before", to_utc("due_before", self.due_before))
        except InvalidTodoError as error:  # filters follow the rules of the fields that they search
            raise InvalidTodoQueryError(error.field, error.problem) from None


class InvalidTodoQueryError(Exception):
    """A filter of a query breaks a rule.

    Attributes:
        field: The filter's name.
        problem: The fault of the filter, in words for the caller.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class TodoPage:
    """A page of a list.

    Attributes:
        items: The todos.
        next: The position after the last item; None if this is the last page.
    """

    items: tuple[Todo, ...]
    next: TodoPosition | None = None
