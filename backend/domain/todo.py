"""A todo and its rules.

TodoError
  InvalidTodoError                 a field breaks a rule
  TodoNotFoundError                the owner has no such todo (another user's todo looks the same)
  TodoConflictError                the todo has changed since it was read
  TodoLimitReachedError            the owner has as many todos as a user may have
"""

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self
from uuid import UUID

from backend.domain.search import search_key

TITLE_MAX_LENGTH: Final = 200
DESCRIPTION_MAX_LENGTH: Final = 10_000
MAX_PER_USER: Final = 10_000  # todos, unless the settings say otherwise

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Priority(StrEnum):
    """The importance of a todo, from lowest to highest."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """The priority as a number that sorts; 0 is the lowest."""
        return _RANKS[self]


_RANKS: Final = {priority: rank for rank, priority in enumerate(Priority)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Todo:
    """A task of a user. Todos are immutable; `change` returns the next version.

    Attributes:
        id: A UUIDv7 (RFC 9562, section 5.7), which sorts by creation time.
        title: 1 to 200 characters, not only whitespace.
        created_at: When the todo was created (UTC).
        updated_at: When the todo was last changed (UTC).
        description: At most 10,000 characters.
        completed: Whether the task is done.
        priority: The importance of the task.
        due_at: When the task is due (UTC); None without a due date.
        version: Starts at 1; each change adds 1.

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
        check_text("title", self.title, TITLE_MAX_LENGTH)
        if not self.title.strip():
            raise InvalidTodoError("title", "must not be blank")
        if self.description is not None:
            check_text("description", self.description, DESCRIPTION_MAX_LENGTH)
        if self.due_at is not None:
            object.__setattr__(self, "due_at", to_utc("due_at", self.due_at))

    @classmethod
    def create(cls, *, now: datetime, **fields: Any) -> Self:
        """Create a todo with a new id.

        Args:
            now: The current time (UTC).
            **fields: `title`, and any of `description`, `completed`, `priority`, `due_at`.

        Raises:
            InvalidTodoError: A field breaks a rule.
        """
        return cls(id=uuid7(now), created_at=now, updated_at=now, **fields)

    def change(self, *, now: datetime, **fields: Any) -> Self:
        """Return the next version, with new values for some fields.

        Args:
            now: The current time (UTC).
            **fields: Any of `title`, `description`, `completed`, `priority`, `due_at`.

        Raises:
            InvalidTodoError: A field breaks a rule.
        """
        return replace(self, updated_at=now, version=self.version + 1, **fields)

    @property
    def search_text(self) -> str:
        """The text that a search looks in: title and description as a search key."""
        return search_key(f"{self.title}\n{self.description or ''}")


class TodoError(Exception):
    """An operation on a todo is not possible."""


class InvalidTodoError(TodoError):
    """A field breaks a rule.

    Attributes:
        field: The field's name.
        problem: The fault of the field, in words for the caller.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field
        self.problem = problem


class TodoNotFoundError(TodoError):
    """The owner has no such todo."""


class TodoConflictError(TodoError):
    """The todo has changed since it was read."""


class TodoLimitReachedError(TodoError):
    """The owner has as many todos as a user may have.

    Attributes:
        limit: The maximum number of todos of a user.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(f"the user has {limit} todos already")
        self.limit = limit


def uuid7(now: datetime) -> UUID:
    """Return a UUIDv7: 48 bits of milliseconds since 1970, and 74 random bits (RFC 9562)."""
    milliseconds = (now - _EPOCH) // timedelta(milliseconds=1)
    value = (milliseconds << 80) | secrets.randbits(80)
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    return UUID(int=(value & ~(0x3 << 62)) | (0x2 << 62))


def check_text(field: str, text: str, max_length: int) -> None:
    """Check that a text is short enough and that every database can store it.

    Args:
        field: The name of the field, for the error.
        text: The text.
        max_length: In characters.

    Raises:
        InvalidTodoError: The text is too long, or contains NUL or a lone surrogate.
    """
    if len(text) > max_length:
        raise InvalidTodoError(field, f"must have at most {max_length} characters")
    if "\0" in text:
        raise InvalidTodoError(field, "must not contain NUL")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidTodoError(field, "must not contain lone surrogates") from None


def to_utc(field: str, time: datetime) -> datetime:
    """Convert a time to UTC.

    Args:
        field: The name of the field, for the error.
        time: The time, with its UTC offset.

    Raises:
        InvalidTodoError: The time has no UTC offset, or is out of range in UTC.
    """
    if time.utcoffset() is None:
        raise InvalidTodoError(field, "must have a UTC offset")
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise InvalidTodoError(field, "is out of range in UTC") from None
