"""A todo and its rules.

TodoError
  InvalidTodoError                 a field breaks a rule
  TodoNotFoundError                the owner has no such todo (another user's todo looks the same)
  TodoConflictError                the todo has changed since it was read
"""

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self
from uuid import UUID

TITLE_MAX_LENGTH: Final = 200
DESCRIPTION_MAX_LENGTH: Final = 10_000

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
        check_text("title", self.title, TITLE_MAX_LENGTH)
        if not self.title.strip():
            raise InvalidTodoError("title", "must not be blank")
        if self.description is not None:
            check_text("description", self.description, DESCRIPTION_MAX_LENGTH)
        if self.due_at is not None:
            object.__setattr__(self, "due_at", in_utc("due_at", self.due_at))

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


def uuid7(now: datetime) -> UUID:
    """Return a UUIDv7 of the given time: 48 bits of milliseconds, 74 random ones (RFC 9562)."""
    milliseconds = (now - _EPOCH) // timedelta(milliseconds=1)
    value = (milliseconds << 80) | secrets.randbits(80)
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    return UUID(int=(value & ~(0x3 << 62)) | (0x2 << 62))


def check_text(field: str, text: str, longest: int) -> None:
    """Check that a text can be stored and is short enough.

    Args:
        field: The name of the field, for the error.
        text: The text.
        longest: The maximum length in characters.

    Raises:
        InvalidTodoError: The text is too long, or contains NUL or a lone surrogate.
    """
    if len(text) > longest:
        raise InvalidTodoError(field, f"must have at most {longest} characters")
    if "\0" in text:
        raise InvalidTodoError(field, "must not contain NUL")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidTodoError(field, "must not contain lone surrogates") from None


def in_utc(field: str, moment: datetime) -> datetime:
    """Convert a time to UTC.

    Args:
        field: The name of the field, for the error.
        moment: The time, with its UTC offset.

    Raises:
        InvalidTodoError: The time has no UTC offset, or is out of range in UTC.
    """
    if moment.utcoffset() is None:
        raise InvalidTodoError(field, "must name its UTC offset")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise InvalidTodoError(field, "is out of range") from None
