"""Todos in an SQLite file: plain SQL on aiosqlite.

Reads have connections of their own, so that none waits for a write. Writes share one, in turn.
"""

from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

import aiosqlite

from backend.adapters.persistence.listing import page, statements
from backend.adapters.persistence.sqlite.connections import SqliteConnections, database_path
from backend.adapters.persistence.sqlite.idempotency import add_once
from backend.adapters.persistence.sqlite.rows import to_text, to_todo, to_values
from backend.domain.idempotency import Idempotency
from backend.domain.todo import Todo, TodoConflictError, TodoNotFoundError
from backend.domain.todo_list import TodoPage, TodoQuery

_CHECK: Final = "SELECT user_id FROM todos LIMIT 0"

_CURSOR_KEY: Final = "SELECT key FROM cursor_key"

_ADD: Final = """
INSERT INTO todos (user_id, id, title, description, completed, priority, due_at, created_at,
                   updated_at, version, search_text)
VALUES (:user_id, :id, :title, :description, :completed, :priority, :due_at, :created_at,
        :updated_at, :version, :search_text)
ON CONFLICT (user_id, id) DO NOTHING
"""

_GET: Final = """
SELECT id, title, description, completed, priority, due_at, created_at, updated_at, version
FROM todos
WHERE user_id = :user_id AND id = :id
"""

# SQLite finds the start of a page in an index on an expression by the key alone.
_LISTS: Final = statements(
    """
SELECT id, title, description, completed, priority, due_at, created_at, updated_at, version
FROM todos
WHERE user_id = :user_id
  AND (:completed IS NULL OR completed = :completed)
  AND (:priority IS NULL OR priority = :priority)
  AND (:due_before IS NULL OR due_at < :due_before)
  AND (:q IS NULL OR instr(search_text, :q) > 0)
  {behind}
ORDER BY {key} {direction}, id {direction}
LIMIT :count
""",
    behind="AND {key} {comparison}= :key AND ({key}, id) {comparison} (:key, :id)",
    due="COALESCE(due_at, '9999-12-31T23:59:59.999999+00:00')",
)

_SAVE: Final = """
UPDATE todos
SET title = :title, description = :description, completed = :completed, priority = :priority,
    due_at = :due_at, created_at = :created_at, updated_at = :updated_at, version = :version,
    search_text = :search_text
WHERE user_id = :user_id AND id = :id AND version = :version - 1
"""

_REMOVE: Final = """
DELETE FROM todos
WHERE user_id = :user_id AND id = :id AND (:version IS NULL OR version = :version)
"""

_KNOWN: Final = "SELECT 1 FROM todos WHERE user_id = :user_id AND id = :id"


class SqliteTodoRepository:
    """Implements `TodoRepository` with one connection that writes and a few that read.

    Args:
        url: `sqlite:///todos.db` for a path from here, `sqlite:////var/lib/todos.db` from the
            root. The file has to exist: migrating makes it.
        pool_size: The most connections to keep open for reading.
        connect_timeout: The most seconds to wait for a connection, idle or new.
        statement_timeout: The most seconds to wait for what a call does, another process's lock
            included.

    Raises:
        ValueError: The URL names no file.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 4,
        connect_timeout: float = 5.0,
        statement_timeout: float = 5.0,
    ) -> None:
        path = database_path(url)
        timeouts = {"connect_timeout": connect_timeout, "statement_timeout": statement_timeout}
        self._readers = SqliteConnections(path, size=pool_size, **timeouts)
        self._writer = SqliteConnections(path, size=1, **timeouts)

    async def __aenter__(self) -> Self:
        self._readers.open()
        self._writer.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        await self._readers.close()
        await self._writer.close()

    async def check(self) -> None:
        """Raise `RepositoryUnavailableError` unless todos can be read now."""
        await self._fetch(_CHECK, {})

    async def cursor_key(self) -> bytes:
        """Return the key that seals cursors, which the first migration to know it made."""
        ((key,),) = await self._fetch(_CURSOR_KEY, {})
        return bytes(key)

    async def add(
        self, user_id: str, todo: Todo, /, *, idempotency: Idempotency | None = None
    ) -> Todo:
        """Keep a new todo, once; see `TodoRepository`."""
        if idempotency is not None:
            return await add_once(self._writer, user_id, todo, idempotency)
        await self._change(_ADD, to_values(user_id, todo))
        return todo

    async def get(self, user_id: str, todo_id: UUID, /) -> Todo:
        """Return one todo; see `TodoRepository`."""
        rows = await self._fetch(_GET, {"user_id": user_id, "id": todo_id.bytes})
        if not rows:
            raise TodoNotFoundError(f"no todo {todo_id}")
        return to_todo(rows[0])

    async def list(self, user_id: str, query: TodoQuery, /) -> TodoPage:
        """Return one page of the owner's todos; see `TodoRepository`."""
        after = query.after
        values: dict[str, Any] = {
            "user_id": user_id,
            "completed": query.completed,
            "priority": None if query.priority is None else query.priority.rank,
            "due_before": None if query.due_before is None else to_text(query.due_before),
            "q": None if query.q is None else query.q.casefold(),
            "count": query.limit + 1,
        }
        if after is not None:
            values["key"] = to_text(after.key) if isinstance(after.key, datetime) else after.key
            values["id"] = after.id.bytes
        rows = await self._fetch(_LISTS[query.sort, after is not None], values)
        return page([to_todo(row) for row in rows], query)

    async def save(self, user_id: str, todo: Todo, /) -> None:
        """Keep the next version of a todo; see `TodoRepository`."""
        await self._change(_SAVE, to_values(user_id, todo))

    async def remove(self, user_id: str, todo_id: UUID, /, *, version: int | None = None) -> None:
        """Forget a todo; see `TodoRepository`."""
        await self._change(_REMOVE, {"user_id": user_id, "id": todo_id.bytes, "version": version})

    async def _fetch(self, statement: str, values: dict[str, Any]) -> Sequence[Any]:
        async def read(connection: aiosqlite.Connection) -> Sequence[Any]:
            return list(await connection.execute_fetchall(statement, values))

        return await self._readers.run(read)

    async def _change(self, statement: str, values: dict[str, Any]) -> None:
        async def write(connection: aiosqlite.Connection) -> tuple[bool, bool]:
            # A statement is a transaction of its own: to begin and commit one takes twice as long.
            done = (await connection.execute(statement, values)).rowcount > 0
            return done, done or bool(list(await connection.execute_fetchall(_KNOWN, values)))

        done, known = await self._writer.run(write)
        if not done:
            todo_id = UUID(bytes=values["id"])
            raise (
                TodoConflictError(f"todo {todo_id} has changed")
                if known
                else TodoNotFoundError(f"no todo {todo_id}")
            )
