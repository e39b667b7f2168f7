"""Adds a todo to SQLite only once, even if its request is repeated."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import aiosqlite

from backend.adapters.persistence.quota import TodoQuota
from backend.adapters.persistence.sqlite.connections import SqliteConnections
from backend.adapters.persistence.sqlite.rows import statement, to_text, to_todo, to_values
from backend.domain.idempotency import REMEMBERED_FOR, Idempotency
from backend.domain.todo import Todo, TodoConflictError, TodoLimitReachedError

_FIND: Final = statement(
    """
SELECT fingerprint, {columns}
FROM idempotency_keys
WHERE user_id = :user_id AND key = :key AND created_at > :expired
"""
)

_FORGET: Final = """
DELETE FROM idempotency_keys
WHERE user_id = :user_id AND key IN (
    SELECT key
    FROM idempotency_keys
    WHERE user_id = :user_id AND created_at <= :expired
    ORDER BY created_at
    LIMIT 10
)
"""

# REPLACE, because the key may be an expired key that the first statement did not delete.
_REMEMBER: Final = statement(
    """
INSERT OR REPLACE INTO idempotency_keys (user_id, key, fingerprint, {columns})
VALUES (:user_id, :key, :fingerprint, {values})
"""
)

ADD: Final = statement(
    """
INSERT INTO todos (user_id, {columns}, search_text)
VALUES (:user_id, {values}, :search_text)
ON CONFLICT (user_id, id) DO NOTHING
"""
)

_COUNT: Final = """
SELECT count(*)
FROM (SELECT 1 FROM todos WHERE user_id = :user_id LIMIT :limit)
"""

ADD_IF_ROOM: Final = statement(
    f"""
INSERT INTO todos (user_id, {{columns}}, search_text)
SELECT :user_id, {{values}}, :search_text
WHERE ({_COUNT}) < :limit
ON CONFLICT (user_id, id) DO NOTHING
"""
)


async def add_once(
    writer: SqliteConnections,
    quota: TodoQuota,
    user_id: str,
    todo: Todo,
    idempotency: Idempotency,
) -> Todo:
    """Add a new todo and its idempotency key in a transaction; see `TodoRepository.add`."""
    values = {
        **to_values(user_id, todo),
        "key": idempotency.key,
        "fingerprint": idempotency.fingerprint,
        "expired": to_text(todo.created_at - REMEMBERED_FOR),
        "limit": quota.limit,
    }

    async def write(connection: aiosqlite.Connection) -> Sequence[Any]:
        await connection.execute("BEGIN IMMEDIATE")
        found = list(await connection.execute_fetchall(_FIND, values))
        if not found:
            if quota.must_count(user_id):
                count = await count_todos(connection, values)
                if count >= quota.limit:
                    raise TodoLimitReachedError(quota.limit)  # rolls the transaction back
                quota.counted(user_id, count + 1)
            for change in (_FORGET, _REMEMBER):
                await connection.execute(change, values)
            if (await connection.execute(ADD, values)).rowcount == 0:
                raise TodoConflictError(f"todo {todo.id} exists")  # rolls the transaction back
        await connection.commit()
        return found

    for fingerprint, *first in await writer.run(write, user_id=user_id):
        idempotency.require(fingerprint)
        return to_todo(first)
    return todo


async def count_todos(connection: aiosqlite.Connection, values: Mapping[str, Any]) -> int:
    """Return the number of a user's todos, up to the limit.

    Args:
        connection: The connection.
        values: `user_id` and `limit`.
    """
    ((count,),) = await connection.execute_fetchall(_COUNT, values)
    return int(count)
