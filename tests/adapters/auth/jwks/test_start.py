"""How keys become available after the start, and how long they may be used."""

import asyncio

import pytest

from backend.domain.auth import AuthError, InvalidAlgorithmError, VerifierUnavailableError
from tests.adapters.auth.clock import Clock, settle
from tests.adapters.auth.issuer import (
    Issuer,
    error_of,
    http_error,
    kids_of,
    start_find,
    unreachable,
)

pytestmark = pytest.mark.anyio


async def test_returns_cached_keys_without_waiting_until_they_are_too_old(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.keys(max_age=300, max_stale=3600) as keys:
        assert not keys.known("EdDSA", "key-1")
        await settle()
        assert [key.kid for key in keys.known("EdDSA", "key-1")] == ["key-1"]
        assert not keys.known("EdDSA", "another")
        with pytest.raises(InvalidAlgorithmError):
            keys.known("ES256", "key-1")
        issuer.error = unreachable()
        await clock.advance(3899)
        assert keys.known("EdDSA", "key-1")
        await clock.advance(1)
        assert not keys.known("EdDSA", "key-1")
    assert not keys.known("EdDSA", "key-1")


async def test_the_first_fetch_does_not_delay_the_start(issuer: Issuer, clock: Clock) -> None:
    issuer.delay = 3600
    async with issuer.keys() as keys:
        assert issuer.fetches == []
        await settle()
        assert len(issuer.fetches) == 1
        assert not keys.state().usable


async def test_fifty_callers_at_a_cold_start_share_one_fetch(issuer: Issuer, clock: Clock) -> None:
    issuer.delay = 0.5
    async with issuer.keys() as keys:
        finds = [start_find(keys) for _ in range(50)]
        await clock.advance(0.4)
        assert not any(find.done() for find in finds)
        await clock.advance(0.1)
        assert [kids_of(find) for find in finds] == [["key-1"]] * 50
        assert len(issuer.fetches) == 1


async def test_waiting_callers_resume_a_few_at_a_time(issuer: Issuer, clock: Clock) -> None:
    issuer.delay, turn, resumed = 0.5, 0, list[int]()
    async with issuer.keys() as keys:

        async def find() -> None:
            await keys.find("EdDSA", "key-1")
            resumed.append(turn)

        finds = asyncio.gather(*(find() for _ in range(50)))
        await clock.advance(0.4)
        clock.now += 0.1
        wake_up = asyncio.ensure_future(clock.advance(0))
        while not finds.done():
            turn += 1
            await asyncio.sleep(0)
        await wake_up
    assert max(resumed.count(turn) for turn in set(resumed)) <= 8


async def test_an_outage_at_the_start_is_not_an_invalid_token(issuer: Issuer, clock: Clock) -> None:
    issuer.error = http_error(500)
    async with issuer.keys() as keys:
        await settle()
        find = start_find(keys)
        await settle()
        error = error_of(find)
        assert isinstance(error, VerifierUnavailableError)
        assert not isinstance(error, AuthError)
        assert error.retry_after >= 1
        with pytest.raises(VerifierUnavailableError, match="HTTP 500"):
            await keys.check()


async def test_is_not_ready_until_the_first_fetch_has_finished(
    issuer: Issuer, clock: Clock
) -> None:
    issuer.delay = 1
    async with issuer.keys() as keys:
        with pytest.raises(VerifierUnavailableError, match="no fetch has finished yet"):
            await keys.check()
        await clock.advance(1)
        await keys.check()


@pytest.mark.parametrize("failure", [None, http_error(500)])
async def test_a_check_waits_for_the_first_fetch_in_progress(
    issuer: Issuer, clock: Clock, failure: Exception | None
) -> None:
    issuer.delay, issuer.error = 1, failure
    async with issuer.keys() as keys:
        await settle()
        check = asyncio.create_task(keys.check())
        await clock.advance(0.5)
        assert not check.done()
        cancelled = asyncio.create_task(keys.check())
        await settle()
        cancelled.cancel()
        await clock.advance(0.5)
        assert (check.exception() is None) == (failure is None)
        assert len(issuer.fetches) == 1


async def test_a_check_does_not_wait_after_the_first_fetch(issuer: Issuer, clock: Clock) -> None:
    issuer.error = http_error(500)
    async with issuer.keys() as keys:
        await settle()
        issuer.delay = 3600
        await clock.advance(30)
        assert len(issuer.fetches) >= 2
        with pytest.raises(VerifierUnavailableError, match="HTTP 500"):
            await keys.check()


async def test_recovers_without_callers_when_the_issuer_is_back(
    issuer: Issuer, clock: Clock
) -> None:
    issuer.error = unreachable()
    async with issuer.keys() as keys:
        await clock.advance(60)
        issuer.error = None
        await clock.advance(30)
        await keys.check()
        assert keys.state().error is None


async def test_state_reports_keys_age_attempts_and_errors(issuer: Issuer, clock: Clock) -> None:
    issuer.delay = 2
    async with issuer.keys(max_age=300, max_stale=300) as keys:
        before = keys.state()
        assert (before.kids, before.rejected, before.usable) == ((), (), False)
        assert (before.age, before.attempted, before.error) == (None, None, None)

        await clock.advance(5)
        healthy = keys.state()
        assert (healthy.kids, healthy.rejected, healthy.usable) == (("key-1",), (), True)
        assert (healthy.age, healthy.attempted, healthy.error) == (3, 5, None)

        issuer.error = http_error(500)
        await clock.advance(350)
        failing = keys.state()
        assert (failing.kids, failing.usable, failing.error) == (("key-1",), True, "HTTP 500")
        assert failing.age == 353
        assert failing.attempted is not None
        assert failing.attempted <= 32

        await clock.advance(250)
        expired = keys.state()
        assert (expired.usable, expired.error, expired.age) == (False, "HTTP 500", 603)
