"""A todo, its rules, and the port that keeps todos: every call names the owner.

TodoError
  InvalidTodoError                 a field breaks a rule
  TodoNotFoundError                the owner has no such todo (another user's is the same)
  TodoConflictError                somebody changed it since it was read
TodoRepositoryUnavailableError     the todos cannot be reached now
"""

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Protocol, Self
from uuid import UUID

from backend.domain.idempotency import Idempotency

TITLE_MAX_LENGTH: Final = 200
DESCRIPTION_MAX_LENGTH: Final = 10_000
PAGE_MAX_LENGTH: Final = 100
NEVER_DUE: Final = datetime.max.replace(tzinfo=UTC)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Priority(StrEnum):
    """How much a todo matters, in rising order."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """0 for the lowest."""
        return _RANKS[self]


_RANKS: Final = {priority: rank for rank, priority in enumerate(Priority)}


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
class Todo:
    """One thing to do.

    Attributes:
        id: A UUIDv7 (RFC 9562, section 5.7): sorts by the time of creation.
        title: 1 to 200 characters, not blank.
        created_at: When it was created (UTC).
        updated_at: When it was last changed (UTC).
        description: At most 10,000 characters.
        completed: Whether it is done.
        priority: How much it matters.
        due_at: When it is due (UTC), if ever.
        version: 1 at first; every change adds one.

    Raises:
        InvalidTodoError: A field breaks a rule.
    """

    id: UUID
    title: str
    created_at: datetime
    updated_at: datetime
    description: str | None = None
    completed: bool = False
    priority: Priority = Priority.NORMAL
    due_at: datetime | None = None
    version: int = 1

    def __post_init__(self) -> None:
        _check_text("title", self.title, TITLE_MAX_LENGTH)
        if not self.title.strip():
            raise InvalidTodoError("title", "must not be blank")
        if self.description is not None:
            _check_text("description", self.description, DESCRIPTION_MAX_LENGTH)
        if self.due_at is not None:
            object.__setattr__(self, "due_at", _in_utc("due_at", self.due_at))

    @classmethod
    def create(cls, *, now: datetime, **said: Any) -> Self:
        """Make a new todo of what its owner said.

        Args:
            now: The time of creation (UTC).
            **said: `title`, and any of `description`, `completed`, `priority`, `due_at`.

        Raises:
            InvalidTodoError: A field breaks a rule.
        """
        return cls(id=uuid7(now), created_at=now, updated_at=now, **said)

    def change(self, *, now: datetime, **said: Any) -> Self:
        """Return the next version, with the named fields changed.

        Args:
            now: The time of the change (UTC).
            **said: Any of `title`, `description`, `completed`, `priority`, `due_at`.

        Raises:
            InvalidTodoError: A field breaks a rule.
        """
        return replace(self, updated_at=now, version=self.version + 1, **said)

    @property
    def search_text(self) -> str:
        """What a search looks through: title and description, case-folded."""
        return f"{self.title}\n{self.description or ''}".casefold()


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
            _check_text("q", self.q, TITLE_MAX_LENGTH)
        if self.due_before is not None:
            object.__setattr__(self, "due_before", _in_utc("due_before", self.due_before))


@dataclass(frozen=True, slots=True, kw_only=True)
class TodoPage:
    """One page of a list, and where the next one starts, if there is one."""

    items: tuple[Todo, ...]
    next: TodoPosition | None = None


class TodoRepository(Protocol):
    """Keeps todos. Every call is one transaction, committed when it returns.

    No call can reach another owner's todo: it looks like one that does not exist. Every call may
    raise `TodoRepositoryUnavailableError`, and then has changed nothing or all that it was to.
    """

    async def add(
        self, user_id: str, todo: Todo, /, *, idempotency: Idempotency | None = None
    ) -> Todo:
        """Keep a new todo, unless the very same request has been made before.

        Args:
            user_id: The owner.
            todo: The todo; the time is that of its creation.
            idempotency: Names the request among the owner's. For `REMEMBERED_FOR` it is then
                known, whatever becomes of the todo.

        Returns:
            The todo; the one that the request created when it was first made, as it then was.

        Raises:
            TodoConflictError: The owner already has a todo with this id.
            IdempotencyKeyReusedError: The owner used the key to ask for something else.
        """
        ...

    async def get(self, user_id: str, todo_id: UUID, /) -> Todo:
        """Return one todo.

        Raises:
            TodoNotFoundError: The owner has no such todo.
        """
        ...

    async def list(self, user_id: str, query: TodoQuery, /) -> TodoPage:
        """Return one page of the owner's todos."""
        ...

    async def save(self, user_id: str, todo: Todo, /) -> None:
        """Keep the next version of a todo.

        Raises:
            TodoNotFoundError: The owner has no such todo.
            TodoConflictError: The version kept is not the one before this one.
        """
        ...

    async def remove(self, user_id: str, todo_id: UUID, /, *, version: int | None = None) -> None:
        """Forget a todo.

        Args:
            user_id: The owner.
            todo_id: Which todo.
            version: Only if this is still its version.

        Raises:
            TodoNotFoundError: The owner has no such todo.
            TodoConflictError: The version kept is another one.
        """
        ...


class TodoError(Exception):
    """What was asked of a todo cannot be done."""


class InvalidTodoError(TodoError):
    """A field breaks a rule.

    Attributes:
        field: The field's name.
        problem: What is wrong with it, for the caller to read.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field
        self.problem = problem


class TodoNotFoundError(TodoError):
    """The owner has no such todo."""


class TodoConflictError(TodoError):
    """The todo has changed since it was read."""


class TodoRepositoryUnavailableError(Exception):
    """The todos cannot be reached now, through no fault of the caller.

    Attributes:
        retry_after: Seconds after which trying again makes sense.
    """

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def uuid7(now: datetime) -> UUID:
    """Return a UUIDv7 of the given time: 48 bits of milliseconds, 74 random ones (RFC 9562)."""
    milliseconds = (now - _EPOCH) // timedelta(milliseconds=1)
    value = (milliseconds << 80) | secrets.randbits(80)
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    return UUID(int=(value & ~(0x3 << 62)) | (0x2 << 62))


def _check_text(field: str, text: str, longest: int) -> None:
    if len(text) > longest:
        raise InvalidTodoError(field, f"must have at most {longest} characters")
    if "\0" in text:
        raise InvalidTodoError(field, "must not contain NUL")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidTodoError(field, "must not contain lone surrogates") from None


def _in_utc(field: str, moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise InvalidTodoError(field, "must name its UTC offset")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise InvalidTodoError(field, "is out of range") from None
