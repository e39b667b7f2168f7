"""`SqliteConnections`: settings, timeouts, and work that is cancelled on its thread."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import aiosqlite
import pytest

from backend.adapters.persistence.permits import PROGRAM
from backend.adapters.persistence.sqlite.connections import SqliteConnections
from tests.adapters.persistence.outages import unavailable
from tests.adapters.persistence.sqlite.locks import locked

pytestmark = pytest.mark.anyio

Work: TypeAlias = Callable[[aiosqlite.Connection], Awaitable[object]]

ENDLESS = """
WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers)
SELECT count(*) FROM numbers
"""


@asynccontextmanager
async def open_connections(
    path: Path, *, size: int = 1, seconds: float = 5
) -> AsyncIterator[SqliteConnections]:
    connections = SqliteConnections(
        path, size=size, connect_timeout=seconds, statement_timeout=seconds
    )
    connections.open()
    try:
        yield connections
    finally:
        await connections.close()


async def run(connections: SqliteConnections, work: Work) -> object:
    """Run work of the program itself, which no share limits."""
    return await connections.run(work, user_id=PROGRAM)


async def endless(connection: aiosqlite.Connection) -> None:
    await connection.execute_fetchall(ENDLESS)


async def settings(connection: aiosqlite.Connection) -> list[object]:
    names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    rows = [await connection.execute_fetchall(f"PRAGMA {name}") for name in names]
    return [value for ((value,),) in rows]


async def test_the_settings_of_a_connection_protect_against_power_failures(path: Path) -> None:
    async with open_connections(path, seconds=2) as connections:
        assert await run(connections, settings) == ["wal", 2, 1, 2000]


async def test_work_that_takes_too_long_times_out(path: Path) -> None:
    async with open_connections(path, seconds=0.5) as connections:
        with unavailable():
            await run(connections, endless)
        assert await run(connections, settings)


async def test_slow_work_leaves_the_other_connections_free(path: Path) -> None:
    async with open_connections(path, size=2) as connections:
        slow = asyncio.create_task(run(connections, endless))
        await asyncio.sleep(0.05)
        await asyncio.wait_for(run(connections, settings), 1)
        slow.cancel()


async def test_waiting_for_a_connection_times_out(path: Path) -> None:
    connections = SqliteConnections(path, size=1, connect_timeout=0.5, statement_timeout=5)
    connections.open()
    slow = asyncio.create_task(run(connections, endless))
    await asyncio.sleep(0.05)
    with unavailable():
        await run(connections, settings)
    slow.cancel()
    assert await run(connections, settings)
    await connections.close()


async def test_cancelled_work_is_rolled_back(path: Path) -> None:
    async def half(connection: aiosqlite.Connection) -> None:
        await connection.execute("BEGIN IMMEDIATE")
        await connection.execute("CREATE TABLE half (done)")
        await connection.execute_fetchall(ENDLESS)

    async def tables(connection: aiosqlite.Connection) -> object:
        return list(
            await connection.execute_fetchall("SELECT * FROM sqlite_master WHERE name = 'half'")
        )

    async with open_connections(path) as connections:
        working = asyncio.create_task(run(connections, half))
        await asyncio.sleep(0.1)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        assert await run(connections, tables) == []
        with locked(path):
            pass


@pytest.mark.parametrize("turns", range(6))
async def test_work_that_is_cancelled_before_its_statement_begins_ends_too(
    path: Path, turns: int
) -> None:
    async with open_connections(path) as connections:
        await run(connections, settings)
        working = asyncio.create_task(run(connections, endless))
        for _ in range(turns):
            await asyncio.sleep(0)
        working.cancel()
        assert await asyncio.wait_for(run(connections, settings), 1)


async def test_closing_waits_for_cancelled_work(path: Path) -> None:
    async with open_connections(path) as connections:
        working = asyncio.create_task(run(connections, endless))
        await asyncio.sleep(0.05)
        working.cancel()
