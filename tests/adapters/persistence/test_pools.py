"""The state of the pools of connections, which the metrics show."""

import asyncio

import pytest

from backend.adapters.persistence.memory import InMemoryDatabase
from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.adapters.persistence.sqlite.database import SqliteDatabase
from backend.domain.diagnosis import PoolState
from backend.domain.todo_repository import RepositoryUnavailableError

pytestmark = pytest.mark.anyio


async def test_the_pool_of_postgres_shows_use_waits_and_timeouts(postgres_url: str) -> None:
    database = PostgresDatabase(postgres_url, pool_size=2, connect_timeout=0.3)
    assert database.pools() == []
    async with database:
        expected = PoolState(name="all", in_use=0, idle=0, maximum=2, waiting=0, timeouts=0)
        assert database.pools() == [expected]
        await database.check()
        (state,) = database.pools()
        assert (state.in_use, state.idle) == (0, 1)
        calls = [database.connections.ask("SELECT pg_sleep(0.5)") for _ in range(3)]
        tasks = [asyncio.ensure_future(call) for call in calls]
        await asyncio.sleep(0.15)
        (state,) = database.pools()
        assert (state.in_use, state.idle, state.waiting, state.timeouts) == (2, 0, 1, 0)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results].count(RepositoryUnavailableError) == 1
        (state,) = database.pools()
        assert (state.in_use, state.idle, state.waiting, state.timeouts) == (0, 2, 0, 1)
    assert database.pools() == []


async def test_the_pools_of_sqlite_show_use_waits_and_timeouts(sqlite_url: str) -> None:
    database = SqliteDatabase(sqlite_url, pool_size=2, connect_timeout=0.1)
    async with database:
        held = asyncio.Event()
        write = asyncio.create_task(
            database.writer.run(lambda _: held.wait(), user_id="ada"),
        )
        await asyncio.sleep(0.05)
        late = asyncio.create_task(database.writer.run(lambda _: held.wait(), user_id="bob"))
        await asyncio.sleep(0.02)
        readers, writer = database.pools()
        assert readers == PoolState(name="read", in_use=0, idle=0, maximum=2, waiting=0, timeouts=0)
        assert writer == PoolState(name="write", in_use=1, idle=0, maximum=1, waiting=1, timeouts=0)
        with pytest.raises(RepositoryUnavailableError):
            await late
        held.set()
        await write
        _, writer = database.pools()
        assert writer == PoolState(name="write", in_use=0, idle=1, maximum=1, waiting=0, timeouts=1)


async def test_a_database_in_memory_has_no_pool() -> None:
    assert InMemoryDatabase().pools() == ()
