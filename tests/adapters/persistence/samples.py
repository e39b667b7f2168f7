"""Users and todos for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from backend.domain.todo import Priority, Todo

NOW: Final = datetime(2026, 7, 1, 12, 30, 15, 123456, tzinfo=UTC)
LATER: Final = NOW + timedelta(days=1)

# Every field that a user sets, with another value than its default.
EVERY_FIELD: Final[dict[str, Any]] = {
    "title": "Buy oat milk",
    "description": "Two litres",
    "completed": True,
    "priority": Priority.HIGH,
    "due_at": LATER,
}


def a_user() -> str:
    """Return a user that no other test uses."""
    return f"user-{uuid4()}"


def a_todo(title: str = "Buy milk", *, minutes: int = 0, **fields: Any) -> Todo:
    """Return a todo that was created some minutes after `NOW`."""
    return Todo.create(now=NOW + timedelta(minutes=minutes), title=title, **fields)
