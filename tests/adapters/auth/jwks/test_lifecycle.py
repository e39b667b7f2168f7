"""Callers and event loops that come and go."""

import asyncio

import pytest

from backend.adapters.auth.jwks.keys import JwksKeys
from backend.domain.auth import VerifierUnavailableError
from backend.testing.signers import signer
from tests.adapters.auth.clock import Clock, settle
from tests.adapters.auth.issuer import (
    Issuer,
    error_of,
    kids_of,
    start_find,
)

pytestmark = pytest.mark.anyio


async def test_a_cancelled_caller_does_not_cancel_the_other_callers(
    issuer: Issuer, clock: Clock
) -> None:
    issuer.delay = 1
    async with issuer.keys() as keys:
        finds = [start_find(keys) for _ in range(3)]
        await clock.advance(0.5)
        finds[0].cancel()
        await settle()
        assert finds[0].cancelled()
        await clock.advance(0.5)
        assert [kids_of(find) for find in finds[1:]] == [["key-1"]] * 2
        assert len(issuer.fetches) == 1


async def test_the_caller_that_started_a_fetch_may_be_cancelled(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched() as keys:
        await clock.advance(10)
        issuer.delay = 1
        issuer.publish(signer("EdDSA", "new"))
        first, second = start_find(keys, "new"), start_find(keys, "new")
        await clock.advance(0.5)
        first.cancel()
        await clock.advance(0.5)
        assert first.cancelled()
        assert kids_of(second) == ["new"]
        assert len(issuer.fetches) == 2


async def test_callers_that_wait_get_an_outage_when_the_source_stops(
    issuer: Issuer, clock: Clock
) -> None:
    issuer.delay = 1
    async with issuer.keys() as keys:
        finds = [start_find(keys), start_find(keys, None)]
        await clock.advance(0.5)
    await settle()
    assert all(isinstance(error_of(find), VerifierUnavailableError) for find in finds)


async def test_leaves_no_task_behind(issuer: Issuer, clock: Clock) -> None:
    before = asyncio.all_tasks()
    issuer.delay = 1
    async with issuer.keys():
        await clock.advance(0.5)
        assert asyncio.all_tasks() > before
    assert asyncio.all_tasks() == before


async def test_can_stop_before_the_first_fetch(issuer: Issuer) -> None:
    async with issuer.keys():
        pass
    assert issuer.fetches == []


async def test_a_source_that_stopped_before_its_first_fetch_can_serve_again(
    issuer: Issuer, clock: Clock
) -> None:
    keys = issuer.keys()
    async with keys:
        find = start_find(keys)
        await asyncio.sleep(0)  # the fetch is a task that has not run yet
    await settle()
    assert isinstance(error_of(find), VerifierUnavailableError)
    assert issuer.fetches == []
    async with keys:
        find = start_find(keys)
        await settle()
        assert kids_of(find) == ["key-1"]


async def test_stopping_can_be_cancelled(issuer: Issuer, clock: Clock) -> None:
    async def stubborn() -> bytes:
        try:
            await clock.sleep(1000)
        except asyncio.CancelledError:
            await clock.sleep(1)
            raise
        return b""

    keys = JwksKeys(stubborn, clock=clock, sleep=clock.sleep)
    await keys.__aenter__()
    await settle()
    leaving = asyncio.ensure_future(keys.__aexit__())
    await settle()
    leaving.cancel()
    await clock.advance(1)
    assert leaving.cancelled()


async def test_the_source_does_not_run_outside_its_context(issuer: Issuer, clock: Clock) -> None:
    keys = issuer.keys()
    for _ in range(2):
        with pytest.raises(VerifierUnavailableError, match="not running"):
            await keys.find("EdDSA", "key-1")
        with pytest.raises(VerifierUnavailableError, match="not running"):
            await keys.check()
        assert keys.epoch() < 0
        async with keys:
            await clock.advance(1)
            await keys.find("EdDSA", "key-1")
    assert len(issuer.fetches) == 2


def test_serves_two_consecutive_event_loops() -> None:
    clock = Clock()
    issuer = Issuer(clock)
    keys = issuer.keys()

    async def serve() -> list[str | None]:
        async with keys:
            await clock.advance(1)
            return [key.kid for key in await keys.find("EdDSA", "key-1")]

    assert asyncio.run(serve()) == ["key-1"]
    assert asyncio.run(serve()) == ["key-1"]
    assert len(issuer.fetches) == 2


def test_callers_can_wait_in_a_second_event_loop(clock: Clock) -> None:
    issuer = Issuer(clock)
    keys = issuer.keys()

    async def serve() -> None:
        async with keys:
            found = await asyncio.gather(*(keys.find("EdDSA", "key-1") for _ in range(50)))
            assert [key.kid for (key,) in found] == ["key-1"] * 50

    for _ in range(2):
        clock.now += 1
        asyncio.run(serve())


def test_serves_another_event_loop_after_a_loop_that_crashed() -> None:
    clock = Clock()
    issuer = Issuer(clock)
    keys = issuer.keys()
    issuer.delay = 1

    async def crash() -> None:
        await keys.__aenter__()
        await settle()  # the fetch is still in progress

    async def serve() -> list[str | None]:
        async with keys:
            await clock.advance(2)
            return [key.kid for key in await keys.find("EdDSA", "key-1")]

    asyncio.run(crash())
    clock = issuer.clock
    assert asyncio.run(serve()) == ["key-1"]
