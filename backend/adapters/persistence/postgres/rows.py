"""The columns of a todo in PostgreSQL: their names, and how values are written and read.

asyncpg reads and writes the first and the last `datetime` as -infinity and infinity, and returns
them without a time zone.
"""

from collections.abc import Iterable
from datetime import UTC
from typing import Any, Final

from backend.domain.todo import Priority, Todo

# In the order of `to_values` and `to_todo`.
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


def to_values(user_id: str, todo: Todo) -> tuple[Any, ...]:
    """Return the values of the columns `STORED`."""
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


# Counts the todos of a user, up to {limit}.
_COUNT: Final = """
    SELECT count(*) AS number
    FROM (SELECT FROM todos WHERE user_id = {user_id}::acting_user LIMIT {limit}) AS todo
"""


def statement(template: str, *parameters: str) -> str:
    """Write the columns of a todo, and the numbers of its parameters, into a statement.

    Args:
        template: The SQL. `{columns}` becomes the names `COLUMNS`, `{values}` their parameters,
            `{assignments}` an assignment to each column except the id, and `{copies}` an assignment
            of each `excluded` column. `{count}` becomes a query that counts the user's todos up to
            the parameter `limit`. `{title}` becomes the parameter of that column.
        *parameters: The names of the parameters that follow the values of `STORED`.
    """
    numbers = {name: f"${number}" for number, name in enumerate((*STORED, *parameters), start=1)}
    return template.format(
        columns=", ".join(COLUMNS),
        values=", ".join(numbers[name] for name in COLUMNS),
        assignments=", ".join(f"{name} = {numbers[name]}" for name in COLUMNS if name != "id"),
        count=_COUNT.format_map(numbers) if "limit" in numbers else "",
        copies=", ".join(f"{name} = excluded.{name}" for name in COLUMNS),
        **numbers,
    )
