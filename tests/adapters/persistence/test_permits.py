"""`FairPermits`: shares, turns, and waits that end early."""

import asyncio

import pytest

from backend.adapters.persistence.permits import PROGRAM, FairPermits

pytestmark = pytest.mark.anyio


async def wait_for(permits: FairPermits, user_id: str, served: list[str]) -> None:
    await permits.acquire(user_id)
    served.append(user_id)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_user_holds_at_most_a_share() -> None:
    permits = FairPermits(4, share=2)
    assert [permits.take("alice") for _ in range(3)] == [True, True, False]
    assert [permits.take("bob") for _ in range(3)] == [True, True, False]
    permits.release("alice")
    assert permits.take("alice")


async def test_the_program_itself_may_hold_every_permit() -> None:
    permits = FairPermits(3, share=1)
    assert [permits.take(PROGRAM) for _ in range(4)] == [True, True, True, False]


async def test_users_take_turns_for_any_number_of_calls() -> None:
    permits, served = FairPermits(1, share=1), list[str]()
    await permits.acquire("alice")
    waiting = [
        asyncio.create_task(wait_for(permits, user, served))
        for user in ["alice", "alice", "alice", "bob", "carol"]
    ]
    await settle()
    holder = "alice"
    for _ in waiting:
        permits.release(holder)
        await settle()
        holder = served[-1]
    assert served == ["alice", "bob", "carol", "alice", "alice"]


async def test_a_user_with_a_full_share_does_not_hold_up_others() -> None:
    permits, served = FairPermits(2, share=1), list[str]()
    await permits.acquire("alice")
    waiting = asyncio.create_task(wait_for(permits, "alice", served))
    await settle()
    await asyncio.wait_for(permits.acquire("bob"), 1)
    permits.release("bob")
    await settle()
    assert served == []
    permits.release("alice")
    await waiting


@pytest.mark.parametrize("late", [False, True])
async def test_a_call_that_stops_waiting_loses_no_permit(late: bool) -> None:
    permits, served = FairPermits(1, share=1), list[str]()
    await permits.acquire("alice")
    first = asyncio.create_task(wait_for(permits, "alice", served))
    second = asyncio.create_task(wait_for(permits, "alice", served))
    third = asyncio.create_task(wait_for(permits, "bob", served))
    await settle()
    if late:
        permits.release("alice")
        first.cancel()
    else:
        first.cancel()
        second.cancel()
        permits.release("alice")
    await settle()
    for _ in range(2):
        if served:
            permits.release(served.pop())
            await settle()
    assert not third.cancelled()
    await asyncio.wait_for(third, 1)
    assert permits.take("carol")
    assert not permits.take("dave")
