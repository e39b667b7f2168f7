"""A todo added to SQLite once, however often its owner asks for it."""

from collections.abc import Sequence
from typing import Any, Final

import aiosqlite

from backend.adapters.persistence.sqlite.connections import SqliteConnections
from backend.adapters.persistence.sqlite.rows import to_text, to_todo, to_values
from backend.domain.idempotency import REMEMBERED_FOR, Idempotency
from backend.domain.todo import Todo, TodoConflictError

_FIND: Final = """
SELECT fingerprint, id, title, description, completed, priority, due_at, created_at, updated_at,
       version
FROM idempotency_keys
WHERE user_id = :user_id AND key = :key AND created_at > :expired
"""

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

# The key's time may be over although it was not among those forgotten.
_REMEMBER: Final = """
INSERT OR REPLACE INTO idempotency_keys (user_id, key, fingerprint, id, title, description,
                                         completed, priority, due_at, created_at, updated_at,
                                         version)
VALUES (:user_id, :key, :fingerprint, :id, :title, :description, :completed, :priority, :due_at,
        :created_at, :updated_at, :version)
"""

_ADD: Final = """
INSERT INTO todos (user_id, id, title, description, completed, priority, due_at, created_at,
                   updated_at, version, search_text)
VALUES (:user_id, :id, :title, :description, :completed, :priority, :due_at, :created_at,
        :updated_at, :version, :search_text)
ON CONFLICT (user_id, id) DO NOTHING
"""


async def add_once(
    writer: SqliteConnections, user_id: str, todo: Todo, idempotency: Idempotency
) -> Todo:
    """Keep a new todo and the request for it, in one transaction; see `TodoRepository`."""
    values = {
        **to_values(user_id, todo),
        "key": idempotency.key,
        "fingerprint": idempotency.fingerprint,
        "expired": to_text(todo.created_at - REMEMBERED_FOR),
    }

    async def write(connection: aiosqlite.Connection) -> Sequence[Any]:
        await connection.execute("BEGIN IMMEDIATE")
        found = list(await connection.execute_fetchall(_FIND, values))
        if not found:
            for statement in (_FORGET, _REMEMBER):
                await connection.execute(statement, values)
            if (await connection.execute(_ADD, values)).rowcount == 0:
                raise TodoConflictError(f"todo {todo.id} exists")  # which undoes the rest
        await connection.commit()
        return found

    for fingerprint, *first in await writer.run(write):
        idempotency.require(fingerprint)
        return to_todo(first)
    return todo
