"""A todo added to PostgreSQL once, however often its owner asks for it."""

from typing import Final

import asyncpg

from backend.adapters.persistence.postgres.connections import PostgresConnections
from backend.adapters.persistence.postgres.rows import to_todo, to_values
from backend.domain.idempotency import REMEMBERED_FOR, Idempotency
from backend.domain.todo import Todo, TodoConflictError
from backend.domain.todo_repository import RepositoryUnavailableError

ATTEMPTS: Final = 3

# Who comes second waits for the end of the first one's transaction. A key whose time is over is
# taken as if it were new, and a few more of the owner's are forgotten: after the key was taken, and
# without waiting for anybody, so that no two wait for each other.
_ADD_ONCE: Final = """
WITH remembered AS (
    INSERT INTO idempotency_keys AS known (user_id, key, fingerprint, id, title, description,
                                           completed, priority, due_at, created_at, updated_at,
                                           version)
    VALUES ($1::acting_user, $12, $13, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (user_id, key) DO UPDATE
    SET fingerprint = excluded.fingerprint, id = excluded.id, title = excluded.title,
        description = excluded.description, completed = excluded.completed,
        priority = excluded.priority, due_at = excluded.due_at, created_at = excluded.created_at,
        updated_at = excluded.updated_at, version = excluded.version
    WHERE known.created_at <= $14
    RETURNING *
), forgotten AS (
    DELETE FROM idempotency_keys
    WHERE user_id = $1 AND key IN (
        SELECT key
        FROM idempotency_keys
        WHERE user_id = $1 AND created_at <= $14 AND key <> $12
          AND EXISTS (SELECT FROM remembered)
        ORDER BY created_at
        LIMIT 10
        FOR UPDATE SKIP LOCKED
    )
)
INSERT INTO todos (user_id, id, title, description, completed, priority, due_at, created_at,
                   updated_at, version, search_text)
SELECT user_id, id, title, description, completed, priority, due_at, created_at, updated_at,
       version, $11
FROM remembered
RETURNING id
"""

_FIND: Final = """
SELECT fingerprint, id, title, description, completed, priority, due_at, created_at, updated_at,
       version
FROM idempotency_keys
WHERE user_id = $1::acting_user AND key = $2 AND created_at > $3
"""


async def add_once(
    connections: PostgresConnections, user_id: str, todo: Todo, idempotency: Idempotency
) -> Todo:
    """Keep a new todo and the request for it, in one transaction; see `TodoRepository`."""
    key, expired = idempotency.key, todo.created_at - REMEMBERED_FOR
    values = (*to_values(user_id, todo), key, idempotency.fingerprint, expired)
    for _ in range(ATTEMPTS):
        try:
            if await connections.fetch(_ADD_ONCE, *values):
                return todo
        except asyncpg.UniqueViolationError:
            raise TodoConflictError(f"todo {todo.id} exists") from None
        for fingerprint, *first in await connections.fetch(_FIND, user_id, key, expired):
            idempotency.require(fingerprint)
            return to_todo(first)
    raise RepositoryUnavailableError("the key is forgotten as often as it is found")
