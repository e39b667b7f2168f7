"""Connections on loan: used again while they are good, in turn, and never lost."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from backend.adapters.persistence.postgres.leases import IDLE_MAX, Connection, Loans
from tests.adapters.auth.clock import Clock

pytestmark = pytest.mark.anyio

SIZE = 3


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def loans(postgres_url: str, clock: Clock) -> AsyncIterator[Loans]:
    """Loans from a pool that opens connections when it has to."""
    async with asyncpg.create_pool(postgres_url, min_size=0, max_size=SIZE) as pool:
        yield Loans(pool, size=SIZE, timeout=0.5, clock=clock)
        pool.terminate()


async def all_of_them(loans: Loans) -> list[Connection]:
    """Take as many connections as there may be, and give them back."""
    taken = [await loans.take() for _ in range(SIZE)]
    assert [await one.fetchval("SELECT 1") for one in taken] == [1] * SIZE
    for one in taken:
        await loans.give_back(one, sound=True)
    return taken


async def test_a_good_connection_is_used_again(loans: Loans) -> None:
    first = await loans.take()
    await loans.give_back(first, sound=True)
    assert await loans.take() is first


async def test_a_connection_that_went_wrong_goes_back_to_the_pool(loans: Loans) -> None:
    first = await loans.take()
    await loans.give_back(first, sound=False)
    assert await loans.take() is not first
    with pytest.raises(asyncpg.InterfaceError, match="released back to the pool"):
        await first.fetchval("SELECT 1")


async def test_one_that_was_silent_for_too_long_is_not_trusted(loans: Loans, clock: Clock) -> None:
    first = await loans.take()
    await loans.give_back(first, sound=True)
    clock.now += IDLE_MAX - 1
    assert await loans.take() is first
    await loans.give_back(first, sound=True)
    clock.now += IDLE_MAX
    assert await loans.take() is not first


async def test_those_that_the_server_cut_are_replaced(loans: Loans) -> None:
    cut = await all_of_them(loans)
    pids = [one.get_server_pid() for one in cut]
    await cut[0].execute(
        "SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid WHERE pid <> $2",
        pids,
        pids[0],
    )
    await asyncio.sleep(0.1)
    assert [one.get_server_pid() for one in await all_of_them(loans)] != pids


async def test_there_are_no_more_than_so_many(loans: Loans) -> None:
    taken = [await loans.take() for _ in range(SIZE)]
    with pytest.raises(TimeoutError):
        await loans.take()
    await loans.give_back(taken.pop(), sound=True)
    await loans.take()


async def test_who_waits_has_a_turn_before_who_comes_later(loans: Loans) -> None:
    taken = [await loans.take() for _ in range(SIZE)]
    waits = asyncio.ensure_future(loans.take())
    await asyncio.sleep(0)
    await loans.give_back(taken[0], sound=True)
    comes_later = asyncio.ensure_future(loans.take())
    assert await waits is taken[0]
    assert not comes_later.done()
    await loans.give_back(taken[0], sound=True)
    assert await comes_later is taken[0]


async def test_who_gives_up_waiting_takes_nothing_along(loans: Loans) -> None:
    taken = [await loans.take() for _ in range(SIZE)]
    for _ in range(5):
        waits = asyncio.ensure_future(loans.take())
        await asyncio.sleep(0)
        waits.cancel()
    for one in taken:
        await loans.give_back(one, sound=True)
    await all_of_them(loans)


async def test_loans_that_have_ended_leave_the_pool_all_of_its_connections(loans: Loans) -> None:
    await all_of_them(loans)
    at_work = await loans.take()
    loans.end()
    assert await at_work.fetchval("SELECT 1") == 1
    await loans.give_back(at_work, sound=True)
    await all_of_them(Loans(loans.pool, size=SIZE, timeout=0.5))
