"""Todos in PostgreSQL: plain SQL on asyncpg.

Every call is one statement, hence one transaction and one round trip, and a second one to tell why
nothing was changed. Its owner is bound as an `acting_user`, for whom the transaction then acts: the
policy of the table hides everybody else's rows, even if a statement forgot to.
"""

from types import TracebackType
from typing import Final, Self
from uuid import UUID

from backend.adapters.persistence.listing import page, statements
from backend.adapters.persistence.postgres.connections import PostgresConnections
from backend.adapters.persistence.postgres.idempotency import add_once
from backend.adapters.persistence.postgres.rows import to_todo, to_values
from backend.domain.idempotency import Idempotency
from backend.domain.todo import Todo, TodoConflictError, TodoNotFoundError
from backend.domain.todo_list import TodoPage, TodoQuery

_CHECK: Final = "SELECT user_id FROM todos LIMIT 0"

_CURSOR_KEY: Final = "SELECT key FROM cursor_key"

_ADD: Final = """
INSERT INTO todos (user_id, id, title, description, completed, priority, due_at, created_at,
                   updated_at, version, search_text)
VALUES ($1::acting_user, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (user_id, id) DO NOTHING
RETURNING id
"""

_GET: Final = """
SELECT id, title, description, completed, priority, due_at, created_at, updated_at, version
FROM todos
WHERE user_id = $1::acting_user AND id = $2
"""

# COALESCE would not do: PostgreSQL does not trust it to see rows before the policy has, so that no
# index would find the start of a page.
_LISTS: Final = statements(
    """
SELECT id, title, description, completed, priority, due_at, created_at, updated_at, version
FROM todos
WHERE user_id = $1::acting_user
  AND ($2::boolean IS NULL OR completed = $2)
  AND ($3::smallint IS NULL OR priority = $3)
  AND ($4::timestamptz IS NULL OR due_at < $4)
  AND ($5::text IS NULL OR strpos(search_text, $5) > 0)
  {behind}
ORDER BY {key} {direction}, id {direction}
LIMIT $6
""",
    behind="AND ({key}, id) {comparison} ($7, $8)",
    due="CASE WHEN due_at IS NULL THEN 'infinity' ELSE due_at END",
)

_SAVE: Final = """
UPDATE todos
SET title = $3, description = $4, completed = $5, priority = $6, due_at = $7, created_at = $8,
    updated_at = $9, version = $10, search_text = $11
WHERE user_id = $1::acting_user AND id = $2 AND version = $10 - 1
RETURNING id
"""

_REMOVE: Final = """
DELETE FROM todos
WHERE user_id = $1::acting_user AND id = $2 AND ($3::integer IS NULL OR version = $3)
RETURNING id
"""

_KNOWN: Final = "SELECT id FROM todos WHERE user_id = $1::acting_user AND id = $2"


class PostgresTodoRepository:
    """Implements `TodoRepository` with a pool of connections, each opened when first needed.

    Args:
        url: `postgresql://user:password@host:port/database?sslmode=…`, as libpq reads it.
        pool_size: The most connections to keep open.
        connect_timeout: The most seconds to wait for a connection, idle or new.
        statement_timeout: The most seconds to wait for a statement.
        statement_cache: Whether to keep statements prepared. Not behind a pooler that hands every
            transaction to another server process, such as PgBouncer in transaction mode.

    Raises:
        ValueError: The URL is not one of PostgreSQL.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        connect_timeout: float = 5.0,
        statement_timeout: float = 5.0,
        statement_cache: bool = True,
    ) -> None:
        self._connections = PostgresConnections(
            url,
            size=pool_size,
            connect_timeout=connect_timeout,
            statement_timeout=statement_timeout,
            statement_cache=statement_cache,
        )

    async def __aenter__(self) -> Self:
        await self._connections.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        await self._connections.close()

    async def check(self) -> None:
        """Raise `RepositoryUnavailableError` unless todos can be read now."""
        await self._connections.fetch(_CHECK)

    async def cursor_key(self) -> bytes:
        """Return the key that seals cursors, which the first migration to know it made."""
        ((key,),) = await self._connections.fetch(_CURSOR_KEY)
        return bytes(key)

    async def add(
        self, user_id: str, todo: Todo, /, *, idempotency: Idempotency | None = None
    ) -> Todo:
        """Keep a new todo, once; see `TodoRepository`."""
        if idempotency is not None:
            return await add_once(self._connections, user_id, todo, idempotency)
        if not await self._connections.fetch(_ADD, *to_values(user_id, todo)):
            raise TodoConflictError(f"todo {todo.id} exists")
        return todo

    async def get(self, user_id: str, todo_id: UUID, /) -> Todo:
        """Return one todo; see `TodoRepository`."""
        rows = await self._connections.fetch(_GET, user_id, todo_id)
        if not rows:
            raise TodoNotFoundError(f"no todo {todo_id}")
        return to_todo(rows[0])

    async def list(self, user_id: str, query: TodoQuery, /) -> TodoPage:
        """Return one page of the owner's todos; see `TodoRepository`."""
        after = query.after
        rows = await self._connections.fetch(
            _LISTS[query.sort, after is not None],
            user_id,
            query.completed,
            None if query.priority is None else query.priority.rank,
            query.due_before,
            None if query.q is None else query.q.casefold(),
            query.limit + 1,
            *(() if after is None else (after.key, after.id)),
        )
        return page([to_todo(row) for row in rows], query)

    async def save(self, user_id: str, todo: Todo, /) -> None:
        """Keep the next version of a todo; see `TodoRepository`."""
        await self._change(_SAVE, *to_values(user_id, todo))

    async def remove(self, user_id: str, todo_id: UUID, /, *, version: int | None = None) -> None:
        """Forget a todo; see `TodoRepository`."""
        await self._change(_REMOVE, user_id, todo_id, version)

    async def _change(self, statement: str, user_id: str, todo_id: UUID, *values: object) -> None:
        if await self._connections.fetch(statement, user_id, todo_id, *values):
            return
        # The statement itself could not tell: it still sees what another one took away meanwhile.
        raise (
            TodoConflictError(f"todo {todo_id} has changed")
            if await self._connections.fetch(_KNOWN, user_id, todo_id)
            else TodoNotFoundError(f"no todo {todo_id}")
        )
