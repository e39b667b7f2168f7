"""Todos in PostgreSQL: plain SQL on asyncpg.

Each call is a single statement: a transaction and a round trip. A change that affects no row needs
a second statement to find the reason. Every statement binds its owner as an `acting_user`. The
row-level security policy shows the transaction only the rows of that user. So even a statement that
does not filter by its owner cannot reach the rows of other users.
"""

from typing import Final
from uuid import UUID

from backend.adapters.persistence.listing import list_statements, page
from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.adapters.persistence.postgres.idempotency import add_once, require_room
from backend.adapters.persistence.postgres.rows import COLUMNS, statement, to_todo, to_values
from backend.adapters.persistence.quota import TodoQuota
from backend.domain.idempotency import Idempotency
from backend.domain.search import search_key
from backend.domain.todo import (
    MAX_PER_USER,
    Todo,
    TodoConflictError,
    TodoNotFoundError,
)
from backend.domain.todo_list import TodoPage, TodoQuery

_ADD: Final = statement(
    """
INSERT INTO todos (user_id, {columns}, search_text)
VALUES ({user_id}::acting_user, {values}, {search_text})
ON CONFLICT (user_id, id) DO NOTHING
RETURNING id
"""
)

# Adds nothing if the user has $12 todos or more; returns how many there were.
_ADD_COUNTED: Final = statement(
    """
WITH stored AS ({count})
INSERT INTO todos (user_id, {columns}, search_text)
SELECT {user_id}::acting_user, {values}, {search_text}
FROM stored
WHERE number < {limit}
ON CONFLICT (user_id, id) DO NOTHING
RETURNING (SELECT number FROM stored)
""",
    "limit",
)

_GET: Final = statement(
    """
SELECT {columns}
FROM todos
WHERE user_id = $1::acting_user AND id = $2
"""
)

# The due date is not COALESCE(due_at, 'infinity'): PostgreSQL evaluates that only after the policy,
# so no index would find the start of a page.
_LISTS: Final = list_statements(
    """
SELECT {columns}
FROM todos
WHERE user_id = $1::acting_user
  AND ($2::boolean IS NULL OR completed = $2)
  AND ($3::smallint IS NULL OR priority = $3)
  AND ($4::timestamptz IS NULL OR due_at < $4)
  AND ($5::text IS NULL OR strpos(search_text, $5) > 0)
  {after}
ORDER BY {key} {direction}, id {direction}
LIMIT $6
""",
    columns=COLUMNS,
    after="AND ({key}, id) {comparison} ($7, $8)",
    due_at="CASE WHEN due_at IS NULL THEN 'infinity' ELSE due_at END",
)

_SAVE: Final = statement(
    """
UPDATE todos
SET {assignments}, search_text = {search_text}
WHERE user_id = {user_id}::acting_user AND id = {id} AND version = {version} - 1
RETURNING id
"""
)

_REMOVE: Final = """
DELETE FROM todos
WHERE user_id = $1::acting_user AND id = $2 AND ($3::integer IS NULL OR version = $3)
RETURNING id
"""

_EXISTS: Final = "SELECT id FROM todos WHERE user_id = $1::acting_user AND id = $2"


class PostgresTodoRepository:
    """Implements `TodoRepository`.

    Args:
        database: The database, which the caller opens and closes.
        max_per_user: The maximum number of todos that a user has.
    """

    def __init__(self, database: PostgresDatabase, *, max_per_user: int = MAX_PER_USER) -> None:
        self._connections = database.connections
        self._quota = TodoQuota(max_per_user)

    async def add(
        self, user_id: str, todo: Todo, /, *, idempotency: Idempotency | None = None
    ) -> Todo:
        """Add a new todo once; see `TodoRepository`."""
        if idempotency is not None:
            return await add_once(self._connections, self._quota, user_id, todo, idempotency)
        values = to_values(user_id, todo)
        if not self._quota.must_count(user_id):
            added = await self._connections.fetch(_ADD, *values)
        elif added := await self._connections.fetch(_ADD_COUNTED, *values, self._quota.limit):
            self._quota.counted(user_id, added[0][0] + 1)
        else:
            await require_room(self._connections, self._quota, user_id)
        if not added:
            raise TodoConflictError(f"todo {todo.id} exists")
        return todo

    async def get(self, user_id: str, todo_id: UUID, /) -> Todo:
        """Return a todo; see `TodoRepository`."""
        rows = await self._connections.fetch(_GET, user_id, todo_id)
        if not rows:
            raise TodoNotFoundError(f"no todo {todo_id}")
        return to_todo(rows[0])

    async def list(self, user_id: str, query: TodoQuery, /) -> TodoPage:
        """Return a page of the owner's todos; see `TodoRepository`."""
        after = query.after
        fetch = self._connections.fetch if query.q is None else self._connections.search
        rows = await fetch(
            _LISTS[query.sort, after is not None],
            user_id,
            query.completed,
            None if query.priority is None else query.priority.rank,
            query.due_before,
            None if query.q is None else search_key(query.q),
            query.limit + 1,
            *(() if after is None else (after.key, after.id)),
        )
        return page([to_todo(row) for row in rows], query)

    async def save(self, user_id: str, todo: Todo, /) -> None:
        """Save the next version of a todo; see `TodoRepository`."""
        await self._change(_SAVE, *to_values(user_id, todo))

    async def remove(self, user_id: str, todo_id: UUID, /, *, version: int | None = None) -> None:
        """Remove a todo; see `TodoRepository`."""
        await self._change(_REMOVE, user_id, todo_id, version)

    async def _change(self, change: str, user_id: str, todo_id: UUID, *values: object) -> None:
        if await self._connections.fetch(change, user_id, todo_id, *values):
            return
        # A separate statement, because the first statement still sees rows that were deleted
        # meanwhile.
        raise (
            TodoConflictError(f"todo {todo_id} has changed")
            if await self._connections.fetch(_EXISTS, user_id, todo_id)
            else TodoNotFoundError(f"no todo {todo_id}")
        )
