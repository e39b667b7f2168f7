"""The columns of a todo in SQLite: their names, and how values are written and read.

SQLite has no types for UUIDs and times. An id is 16 bytes, and a time is text in UTC of fixed
width, so both sort in the right order.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from backend.domain.todo import Priority, Todo

# In the order of `to_todo`.
COLUMNS: Final = (
    "id",
    "title",
    "description",
    "completed",
    "priority",
    "due_at",
    "created_at",
    "updated_at",
    "version",
)

STORED: Final = ("user_id", *COLUMNS, "search_text")

# The columns of an idempotency key.
REMEMBERED: Final = ("user_id", "key", "fingerprint", *COLUMNS)

_PRIORITIES: Final = tuple(Priority)


def to_values(user_id: str, todo: Todo) -> dict[str, Any]:
    """Return the values of the columns `STORED`."""
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


def to_todo(row: Sequence[Any]) -> Todo:
    """Return the todo of a row with the columns `COLUMNS`."""
    (
        todo_id,
        title,
        description,
        completed,
        rank,
        due_at,
        created_at,
        updated_at,
        version,
    ) = row
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


def to_text(time: datetime) -> str:
    """Return the text that stores a time."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def statement(template: str) -> str:
    """Write the columns of a todo into a statement.

    Args:
        template: The SQL. `{columns}` becomes the names `COLUMNS`, `{values}` their parameters, and
            `{assignments}` an assignment to each column except the id.
    """
    return template.format(
        columns=", ".join(COLUMNS),
        values=", ".join(f":{name}" for name in COLUMNS),
        assignments=", ".join(f"{name} = :{name}" for name in COLUMNS if name != "id"),
    )
