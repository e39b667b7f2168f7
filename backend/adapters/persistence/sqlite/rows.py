"""How a todo is written in SQLite, which knows neither UUIDs nor times.

Ids are 16 bytes, and times text in UTC of one width: both sort as what they stand for.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from backend.domain.todo import Priority, Todo

_PRIORITIES: Final = tuple(Priority)


def to_values(user_id: str, todo: Todo) -> dict[str, Any]:
    """Return the parameters that keep a todo."""
    return {
        "user_id": user_id,
        "id": todo.id.bytes,
        "title": todo.title,
        "description": todo.description,
        "completed": todo.completed,
        "priority": todo.priority.rank,
        "due_at": None if todo.due_at is None else to_text(todo.due_at),
        "created_at": to_text(todo.created_at),
        "updated_at": to_text(todo.updated_at),
        "version": todo.version,
        "search_text": todo.search_text,
    }


def to_text(moment: datetime) -> str:
    """Return a time as it is kept."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def to_todo(row: Sequence[Any]) -> Todo:
    """Return the todo of a row."""
    todo_id, title, description, completed, rank, due_at, created_at, updated_at, version = row
    return Todo(
        id=UUID(bytes=todo_id),
        title=title,
        description=description,
        completed=bool(completed),
        priority=_PRIORITIES[rank],
        due_at=None if due_at is None else datetime.fromisoformat(due_at),
        created_at=datetime.fromisoformat(created_at),
        updated_at=datetime.fromisoformat(updated_at),
        version=version,
    )
