"""Leases of connections: healthy connections are reused, callers take turns, and none is lost."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from backend.adapters.persistence.postgres.leases import IDLE_MAX, Connection, ConnectionLeases
from tests.adapters.auth.clock import Clock

pytestmark = pytest.mark.anyio

SIZE = 3


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def leases(postgres_url: str, clock: Clock) -> AsyncIterator[ConnectionLeases]:
    """Leases of a pool that opens connections on demand."""
    async with asyncpg.create_pool(postgres_url, min_size=0, max_size=SIZE) as pool:
        yield ConnectionLeases(pool, size=SIZE, share=SIZE, timeout=0.5, clock=clock)
        pool.terminate()


async def lease_all(leases: ConnectionLeases) -> list[Connection]:
    """Lease as many connections as the limit allows, use them, and release them."""
    leased = [await leases.acquire() for _ in range(SIZE)]
    assert [await connection.fetchval("SELECT 1") for connection in leased] == [1] * SIZE
    for connection in leased:
        await leases.release(connection, healthy=True)
    return leased


async def test_a_healthy_connection_is_reused(leases: ConnectionLeases) -> None:
    first = await leases.acquire()
    await leases.release(first, healthy=True)
    assert await leases.acquire() is first


async def test_an_unhealthy_connection_goes_back_to_the_pool(leases: ConnectionLeases) -> None:
    first = await leases.acquire()
    await leases.release(first, healthy=False)
    assert await leases.acquire() is not first
    with pytest.raises(asyncpg.InterfaceError, match="released back to the pool"):
        await first.fetchval("SELECT 1")


async def test_a_connection_that_was_idle_too_long_is_replaced(
    leases: ConnectionLeases, clock: Clock
) -> None:
    first = await leases.acquire()
    await leases.release(first, healthy=True)
    clock.now += IDLE_MAX - 1
    assert await leases.acquire() is first
    await leases.release(first, healthy=True)
    clock.now += IDLE_MAX
    assert await leases.acquire() is not first


async def test_connections_that_the_server_closed_are_replaced(leases: ConnectionLeases) -> None:
    connections = await lease_all(leases)
    pids = [connection.get_server_pid() for connection in connections]
    await connections[0].execute(
        "SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid WHERE pid <> $2",
        pids,
        pids[0],
    )
    await asyncio.sleep(0.1)
    replaced = await lease_all(leases)
    assert [connection.get_server_pid() for connection in replaced] != pids


async def test_no_more_connections_are_leased_than_the_limit(leases: ConnectionLeases) -> None:
    leased = [await leases.acquire() for _ in range(SIZE)]
    with pytest.raises(TimeoutError):
        await leases.acquire()
    await leases.release(leased.pop(), healthy=True)
    await leases.acquire()


async def test_a_caller_that_waits_is_served_before_later_callers(leases: ConnectionLeases) -> None:
    leased = [await leases.acquire() for _ in range(SIZE)]
    waiting = asyncio.ensure_future(leases.acquire())
    await asyncio.sleep(0)
    await leases.release(leased[0], healthy=True)
    later = asyncio.ensure_future(leases.acquire())
    assert await waiting is leased[0]
    assert not later.done()
    await leases.release(leased[0], healthy=True)
    assert await later is leased[0]


async def test_a_caller_that_stops_waiting_takes_no_connection(leases: ConnectionLeases) -> None:
    leased = [await leases.acquire() for _ in range(SIZE)]
    for _ in range(5):
        waiting = asyncio.ensure_future(leases.acquire())
        await asyncio.sleep(0)
        waiting.cancel()
    for connection in leased:
        await leases.release(connection, healthy=True)
    await lease_all(leases)


async def test_closed_leases_return_every_connection_to_the_pool(leases: ConnectionLeases) -> None:
    await lease_all(leases)
    in_use = await leases.acquire()
    leases.close()
    assert await in_use.fetchval("SELECT 1") == 1
    await leases.release(in_use, healthy=True)
    await lease_all(ConnectionLeases(leases.pool, size=SIZE, share=SIZE, timeout=0.5))
