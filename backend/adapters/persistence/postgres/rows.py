"""How a todo is written in PostgreSQL.

The driver takes the first and the last time that Python knows for infinity, and gives them back
without a time zone.
"""

from collections.abc import Iterable
from datetime import UTC
from typing import Any, Final

from backend.domain.todo import Priority, Todo

_PRIORITIES: Final = tuple(Priority)


def to_values(user_id: str, todo: Todo) -> tuple[Any, ...]:
    """Return the parameters that keep a todo."""
    return (
        user_id,
        todo.id,
        todo.title,
        todo.description,
        todo.completed,
        todo.priority.rank,
        todo.due_at,
        todo.created_at,
        todo.updated_at,
        todo.version,
        todo.search_text,
    )


def to_todo(row: Iterable[Any]) -> Todo:
    """Return the todo of a row."""
    todo_id, title, description, completed, rank, due_at, created_at, updated_at, version = row
    if due_at is not None and due_at.tzinfo is None:
        due_at = due_at.replace(tzinfo=UTC)
    return Todo(
        id=todo_id,
        title=title,
        description=description,
        completed=completed,
        priority=_PRIORITIES[rank],
        due_at=due_at,
        created_at=created_at,
        updated_at=updated_at,
        version=version,
    )
