"""Sessions of a server: lock a table, wait for the database, and list sessions."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.domain.todo_repository import RepositoryUnavailableError
from tests.postgres import PostgresServer


@asynccontextmanager
async def locked(url: str) -> AsyncIterator[None]:
    """Lock the todos, so that no other session can read or write them."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE todos IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


async def wait_until_available(database: PostgresDatabase) -> None:
    """Check a database again and again as a client would, for at most five seconds."""
    deadline = time.monotonic() + 5
    while True:
        try:
            return await database.check()
        except RepositoryUnavailableError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.02)


def session_states(server: PostgresServer, url: str) -> set[str]:
    """Return the state of each session on a database, and the kind of event that it waits for."""
    states = server.execute(
        "SELECT state || ' ' || coalesce(wait_event_type, '-') FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND state IS NOT NULL",
        url,
    )
    return set(states.splitlines())
