"""Adds a todo to PostgreSQL once, however often its request is repeated."""

from typing import Final

import asyncpg

from backend.adapters.persistence.postgres.connections import PostgresConnections
from backend.adapters.persistence.postgres.rows import statement, to_todo, to_values
from backend.domain.idempotency import REMEMBERED_FOR, Idempotency
from backend.domain.todo import Todo, TodoConflictError
from backend.domain.todo_repository import RepositoryUnavailableError

ATTEMPTS: Final = 3

# A second request with the same key waits for the first transaction to end. An expired key is
# replaced. Then up to ten other expired keys of the user are deleted; locked ones are skipped, so
# that two requests never wait for each other.
_ADD_ONCE: Final = statement(
    """
WITH remembered AS (
    INSERT INTO idempotency_keys AS known (user_id, key, fingerprint, {columns})
    VALUES ({user_id}::acting_user, {key}, {fingerprint}, {values})
    ON CONFLICT (user_id, key) DO UPDATE
    SET fingerprint = excluded.fingerprint, {copies}
    WHERE known.created_at <= {expired}
    RETURNING *
), forgotten AS (
    DELETE FROM idempotency_keys
    WHERE user_id = {user_id} AND key IN (
        SELECT key
        FROM idempotency_keys
        WHERE user_id = {user_id} AND created_at <= {expired} AND key <> {key}
          AND EXISTS (SELECT FROM remembered)
        ORDER BY created_at
        LIMIT 10
        FOR UPDATE SKIP LOCKED
    )
)
INSERT INTO todos (user_id, {columns}, search_text)
SELECT user_id, {columns}, {search_text}
FROM remembered
RETURNING id
""",
    "key",
    "fingerprint",
    "expired",
)

_FIND: Final = statement(
    """
SELECT fingerprint, {columns}
FROM idempotency_keys
WHERE user_id = $1::acting_user AND key = $2 AND created_at > $3
"""
)


async def add_once(
    connections: PostgresConnections, user_id: str, todo: Todo, idempotency: Idempotency
) -> Todo:
    """Add a new todo and its idempotency key in one transaction; see `TodoRepository.add`."""
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
    raise RepositoryUnavailableError("the idempotency key expired during every attempt")
