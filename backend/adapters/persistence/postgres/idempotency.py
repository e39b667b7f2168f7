"""Adds a todo to PostgreSQL only once, even if its request is repeated."""

from typing import Final

import asyncpg

from backend.adapters.persistence.postgres.connections import PostgresConnections
from backend.adapters.persistence.postgres.rows import statement, to_todo, to_values
from backend.adapters.persistence.quota import TodoQuota
from backend.domain.idempotency import REMEMBERED_FOR, Idempotency
from backend.domain.todo import Todo, TodoConflictError, TodoLimitReachedError
from backend.domain.todo_repository import RepositoryUnavailableError

ATTEMPTS: Final = 3

# A second request with the same key waits for the first transaction to end. An expired key is
# replaced. The statement also deletes up to ten other expired keys of the user, but skips locked
# keys, so that two requests never wait for each other.
_ADD_ONCE: Final = """
WITH {stored} remembered AS (
    INSERT INTO idempotency_keys AS known (user_id, key, fingerprint, {{columns}})
    {source}
    ON CONFLICT (user_id, key) DO UPDATE
    SET fingerprint = excluded.fingerprint, {{copies}}
    WHERE known.created_at <= {{expired}}
    RETURNING *
), forgotten AS (
    DELETE FROM idempotency_keys
    WHERE user_id = {{user_id}} AND key IN (
        SELECT key
        FROM idempotency_keys
        WHERE user_id = {{user_id}} AND created_at <= {{expired}} AND key <> {{key}}
          AND EXISTS (SELECT FROM remembered)
        ORDER BY created_at
        LIMIT 10
        FOR UPDATE SKIP LOCKED
    )
)
INSERT INTO todos (user_id, {{columns}}, search_text)
SELECT user_id, {{columns}}, {{search_text}}
FROM remembered
RETURNING {result}
"""

_VALUES: Final = "{user_id}::acting_user, {key}, {fingerprint}, {values}"

_ADD_UNCOUNTED: Final = statement(
    _ADD_ONCE.format(stored="", source=f"VALUES ({_VALUES})", result="id"),
    "key",
    "fingerprint",
    "expired",
)

# Adds no todo and no key if the user has as many todos as the limit; returns the number of todos.
_ADD_COUNTED: Final = statement(
    _ADD_ONCE.format(
        stored="stored AS ({count}),",
        source=f"SELECT {_VALUES} FROM stored WHERE number < {{limit}}",  # noqa: S608 - constants
        result="(SELECT number FROM stored)",
    ),
    "key",
    "fingerprint",
    "expired",
    "limit",
)

_COUNT: Final = """
SELECT count(*)
FROM (SELECT FROM todos WHERE user_id = $1::acting_user LIMIT $2) AS todo
"""

_FIND: Final = statement(
    """
SELECT fingerprint, {columns}
FROM idempotency_keys
WHERE user_id = $1::acting_user AND key = $2 AND created_at > $3
"""
)


async def add_once(
    connections: PostgresConnections,
    quota: TodoQuota,
    user_id: str,
    todo: Todo,
    idempotency: Idempotency,
) -> Todo:
    """Add a new todo and its idempotency key in a transaction; see `TodoRepository.add`."""
    key, expired = idempotency.key, todo.created_at - REMEMBERED_FOR
    values = (*to_values(user_id, todo), key, idempotency.fingerprint, expired)
    for _ in range(ATTEMPTS):
        counts = quota.must_count(user_id)
        try:
            added = (
                await connections.fetch(_ADD_COUNTED, *values, quota.limit)
                if counts
                else await connections.fetch(_ADD_UNCOUNTED, *values)
            )
        except asyncpg.UniqueViolationError:
            raise TodoConflictError(f"todo {todo.id} exists") from None
        if added:
            if counts:
                quota.counted(user_id, added[0][0] + 1)
            return todo
        for fingerprint, *first in await connections.fetch(_FIND, user_id, key, expired):
            idempotency.require(fingerprint)
            return to_todo(first)
        if counts:
            await require_room(connections, quota, user_id)
    raise RepositoryUnavailableError("the idempotency key expired during every attempt")


async def require_room(connections: PostgresConnections, quota: TodoQuota, user_id: str) -> None:
    """Check that a user may have another todo.

    Raises:
        TodoLimitReachedError: The user has as many todos as the limit.
    """
    ((count,),) = await connections.fetch(_COUNT, user_id, quota.limit)
    if count >= quota.limit:
        raise TodoLimitReachedError(quota.limit)
