"""Todos in an SQLite file: plain SQL on aiosqlite."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import aiosqlite

from backend.adapters.persistence.listing import list_statements, page
from backend.adapters.persistence.quota import TodoQuota
from backend.adapters.persistence.sqlite.database import SqliteDatabase
from backend.adapters.persistence.sqlite.idempotency import ADD, ADD_IF_ROOM, add_once, count_todos
from backend.adapters.persistence.sqlite.rows import (
    COLUMNS,
    statement,
    to_text,
    to_todo,
    to_values,
)
from backend.domain.idempotency import Idempotency
from backend.domain.search import search_key
from backend.domain.todo import (
    MAX_PER_USER,
    Todo,
    TodoConflictError,
    TodoLimitReachedError,
    TodoNotFoundError,
)
from backend.domain.todo_list import TodoPage, TodoQuery

_GET: Final = statement(
    """
SELECT {columns}
FROM todos
WHERE user_id = :user_id AND id = :id
"""
)

# The comparison of the key alone lets SQLite find the start of a page in an index on an expression.
_LISTS: Final = list_statements(
    """
SELECT {columns}
FROM todos
WHERE user_id = :user_id
  AND (:completed IS NULL OR completed = :completed)
  AND (:priority IS NULL OR priority = :priority)
  AND (:due_before IS NULL OR due_at < :due_before)
  AND (:q IS NULL OR instr(search_text, :q) > 0)
  {after}
ORDER BY {key} {direction}, id {direction}
LIMIT :count
""",
    columns=COLUMNS,
    after="AND {key} {comparison}= :key AND ({key}, id) {comparison} (:key, :id)",
    due_at="COALESCE(due_at, '9999-12-31T23:59:59.999999+00:00')",
)

_SAVE: Final = statement(
    """
UPDATE todos
SET {assignments}, search_text = :search_text
WHERE user_id = :user_id AND id = :id AND version = :version - 1
"""
)

_REMOVE: Final = """
DELETE FROM todos
WHERE user_id = :user_id AND id = :id AND (:version IS NULL OR version = :version)
"""

_EXISTS: Final = "SELECT 1 FROM todos WHERE user_id = :user_id AND id = :id"


class SqliteTodoRepository:
    """Implements `TodoRepository`.

    Args:
        database: The database, which the caller opens and closes.
        max_per_user: The maximum number of todos that a user has.
    """

    def __init__(self, database: SqliteDatabase, *, max_per_user: int = MAX_PER_USER) -> None:
        self._readers = database.readers
        self._writer = database.writer
        self._quota = TodoQuota(max_per_user)

    async def add(
        self, user_id: str, todo: Todo, /, *, idempotency: Idempotency | None = None
    ) -> Todo:
        """Add a new todo once; see `TodoRepository`."""
        if idempotency is not None:
            return await add_once(self._writer, self._quota, user_id, todo, idempotency)
        values = {**to_values(user_id, todo), "limit": self._quota.limit}
        counts = self._quota.must_count(user_id)

        async def write(connection: aiosqlite.Connection) -> tuple[bool, int]:
            # Without BEGIN and COMMIT the statement is its own transaction, in half the time.
            change = ADD_IF_ROOM if counts else ADD
            added = (await connection.execute(change, values)).rowcount > 0
            count = await count_todos(connection, values) if counts or not added else 0
            return added, count

        added, count = await self._writer.run(write, user_id=user_id)
        if added and counts:
            self._quota.counted(user_id, count)
        if not added:
            raise (
                TodoLimitReachedError(self._quota.limit)
                if counts and count >= self._quota.limit
                else TodoConflictError(f"todo {todo.id} exists")
            )
        return todo

    async def get(self, user_id: str, todo_id: UUID, /) -> Todo:
        """Return a todo; see `TodoRepository`."""
        rows = await self._readers.fetch(
            _GET, {"user_id": user_id, "id": todo_id.bytes}, user_id=user_id
        )
        if not rows:
            raise TodoNotFoundError(f"no todo {todo_id}")
        return to_todo(rows[0])

    async def list(self, user_id: str, query: TodoQuery, /) -> TodoPage:
        """Return a page of the owner's todos; see `TodoRepository`."""
        after = query.after
        values: dict[str, Any] = {
            "user_id": user_id,
            "completed": query.completed,
            "priority": None if query.priority is None else query.priority.rank,
            "due_before": None if query.due_before is None else to_text(query.due_before),
            "q": None if query.q is None else search_key(query.q),
            "count": query.limit + 1,
        }
        if after is not None:
            values["key"] = to_text(after.key) if isinstance(after.key, datetime) else after.key
            values["id"] = after.id.bytes
        fetch = self._readers.fetch if query.q is None else self._readers.search
        rows = await fetch(_LISTS[query.sort, after is not None], values, user_id=user_id)
        return page([to_todo(row) for row in rows], query)

    async def save(self, user_id: str, todo: Todo, /) -> None:
        """Save the next version of a todo; see `TodoRepository`."""
        await self._change(_SAVE, to_values(user_id, todo))

    async def remove(self, user_id: str, todo_id: UUID, /, *, version: int | None = None) -> None:
        """Remove a todo; see `TodoRepository`."""
        await self._change(_REMOVE, {"user_id": user_id, "id": todo_id.bytes, "version": version})

    async def _change(self, change: str, values: dict[str, Any]) -> None:
        async def write(connection: aiosqlite.Connection) -> tuple[bool, bool]:
            done = (await connection.execute(change, values)).rowcount > 0
            return done, done or bool(list(await connection.execute_fetchall(_EXISTS, values)))

        done, exists = await self._writer.run(write, user_id=values["user_id"])
        if not done:
            todo_id = UUID(bytes=values["id"])
            raise (
                TodoConflictError(f"todo {todo_id} has changed")
                if exists
                else TodoNotFoundError(f"no todo {todo_id}")
            )
