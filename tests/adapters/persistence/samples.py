"""Todos to keep."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from backend.domain.todo import Todo

NOW: Final = datetime(2026, 7, 1, 12, 30, 15, 123456, tzinfo=UTC)


def a_user() -> str:
    """Return a user whom no other test knows."""
    return f"user-{uuid4()}"


def a_todo(title: str = "Buy milk", *, minutes: int = 0, **said: Any) -> Todo:
    """Return a todo made so many minutes after noon."""
    return Todo.create(now=NOW + timedelta(minutes=minutes), title=title, **said)
