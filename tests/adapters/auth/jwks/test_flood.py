"""The costs of a flood of unknown key ids for the issuer, other callers and this server."""

import asyncio
import time

import pytest

from backend.adapters.auth.jwks.keys import JwksKeys
from backend.adapters.auth.jwks.refresher import MAX_WAIT, MAX_WAITING
from backend.domain.auth import UnknownKeyError, VerifierUnavailableError
from backend.testing.signers import key_set, signer
from tests.adapters.auth.clock import Clock, settle
from tests.adapters.auth.issuer import Find, Issuer, attack, error_of, keys_of, kids_of, start_find
from tests.adapters.auth.key_server import answer, hang, key_server

pytestmark = pytest.mark.anyio


async def flood(keys: JwksKeys, clock: Clock, *, seconds: int, each_second: int = 10) -> list[Find]:
    """Look up random key ids at a steady rate."""
    finds = []
    for second in range(seconds):
        finds += [attack(keys, f"random-{second}-{n}") for n in range(each_second)]
        await clock.advance(1)
    return finds


async def accepted_after(keys: JwksKeys, clock: Clock, kid: str, *, limit: float) -> float:
    """Look up a key as a client does that obeys `Retry-After`; return the seconds that it took."""
    start = clock()
    while clock() - start <= limit:
        find = start_find(keys, kid)
        await settle()
        while not find.done():
            await clock.advance(0.1)
        error = error_of(find)
        if error is None:
            return clock() - start
        assert isinstance(error, VerifierUnavailableError), "an honest user is logged out"
        assert error.retry_after >= 1
        retry_at = clock() + int(error.retry_after + 0.999)
        while clock() < retry_at:
            attack(keys, f"random-{clock()}")  # the flood goes on
            await clock.advance(0.25)
    pytest.fail(f"not accepted within {limit} s")


@pytest.mark.parametrize("seconds", [1, 10, 100, 120])
async def test_a_thousand_random_ids_within_two_minutes_cause_at_most_20_fetches(
    issuer: Issuer, clock: Clock, seconds: int
) -> None:
    async with issuer.fetched() as keys:
        await clock.advance(60)
        issuer.delay = 0.05
        before = len(issuer.fetches)
        finds = await flood(keys, clock, seconds=seconds, each_second=1000 // seconds + 1)
        await clock.advance(10)
        assert len(finds) >= 1000
        assert len(issuer.fetches) - before <= 20
        assert issuer.max_concurrent == 1


async def test_a_flood_costs_a_fetch_every_ten_seconds_in_the_long_run(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched(max_age=86_400) as keys:
        await flood(keys, clock, seconds=60)
        before = len(issuer.fetches)
        await flood(keys, clock, seconds=600)
        assert len(issuer.fetches) - before <= 600 / 9 + 1


async def test_no_pattern_of_unknown_ids_costs_more_than_a_steady_flood(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched(max_age=86_400) as keys:
        for burst in (1, 2, 5, 10):
            for rest in (5, 10, 20, 45, 60):
                start, before = clock(), len(issuer.fetches)
                while clock() - start < 400:
                    await flood(keys, clock, seconds=burst, each_second=2)
                    await clock.advance(rest)
                assert len(issuer.fetches) - before <= (clock() - start) / 9 + 6


async def test_follows_a_rotation_within_two_seconds_in_quiet(issuer: Issuer, clock: Clock) -> None:
    for workers in (1, 4, 64):
        issuer.delay = 0.0
        issuer.publish(signer("EdDSA"))
        async with issuer.fetched(workers=workers) as keys:
            issuer.delay = 0.2
            issuer.publish(signer("EdDSA"), signer("EdDSA", "new"))
            find = start_find(keys, "new")  # right after a fetch: the worst time
            await clock.advance(2)
            assert kids_of(find) == ["new"]


@pytest.mark.parametrize("workers", [1, 4, 64])
@pytest.mark.parametrize("moment", [0.0, 0.1, 3.0, 8.5])
async def test_follows_a_rotation_within_ten_seconds_under_a_flood(
    issuer: Issuer, clock: Clock, moment: float, workers: int
) -> None:
    async with issuer.fetched(workers=workers) as keys:
        await flood(keys, clock, seconds=60)
        issuer.delay = 0.2
        fetched = len(issuer.fetches)
        while len(issuer.fetches) == fetched:
            attack(keys, f"random-{clock()}")
            await clock.advance(0.01)
        await clock.advance(moment)
        issuer.publish(signer("EdDSA"), signer("EdDSA", "new"))
        assert await accepted_after(keys, clock, "new", limit=10) <= 10


async def test_a_changed_key_set_ends_the_slow_pace(issuer: Issuer, clock: Clock) -> None:
    async with issuer.fetched() as keys:
        await flood(keys, clock, seconds=60)
        issuer.publish(signer("EdDSA"), signer("EdDSA", "2"))
        await flood(keys, clock, seconds=12)
        assert keys.state().kids == ("key-1", "2")
        fetched = len(issuer.fetches)
        while len(issuer.fetches) == fetched:
            attack(keys, f"random-{clock()}")
            issuer.publish(signer("EdDSA"), signer("EdDSA", f"at-{clock()}"))
            await clock.advance(0.1)
        issuer.publish(signer("EdDSA"), signer("EdDSA", "3"))
        find = start_find(keys, "3")
        await clock.advance(1.1)
        assert kids_of(find) == ["3"]


async def test_a_rotation_after_a_quiet_minute_is_followed_at_once(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched(max_age=86_400) as keys:
        await flood(keys, clock, seconds=60)
        await clock.advance(60)
        find = start_find(keys, "stale")
        await clock.advance(0.1)
        assert isinstance(error_of(find), UnknownKeyError)
        issuer.publish(signer("EdDSA"), signer("EdDSA", "new"))
        find = start_find(keys, "new")
        await clock.advance(2)
        assert kids_of(find) == ["new"]


async def test_the_workers_share_the_budget(clock: Clock) -> None:
    total = {}
    for workers in (1, 4):
        issuers = [Issuer(clock) for _ in range(workers)]
        for issuer in issuers:
            async with issuer.fetched(workers=workers, max_age=86_400) as keys:
                await clock.advance(60)
                await flood(keys, clock, seconds=9, each_second=100 // workers)
        total[workers] = sum(len(issuer.fetches) - 1 for issuer in issuers)
    assert total[4] <= 2 * total[1]
    assert total[4] <= 20


async def test_background_refreshes_keep_their_schedule_during_a_flood(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched(max_age=2, max_stale=0) as keys:
        for _ in range(600):
            attack(keys, f"random-{clock()}")
            await clock.advance(0.1)
            await keys.check()


async def test_a_caller_waits_at_most_two_seconds_and_is_not_rejected(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched() as keys:
        await clock.advance(10)
        issuer.delay = 60
        find = start_find(keys, "new")
        await clock.advance(MAX_WAIT - 0.01)
        assert not find.done()
        await clock.advance(0.02)
        error = error_of(find)
        assert isinstance(error, VerifierUnavailableError)
        assert error.retry_after >= 1


async def test_a_caller_does_not_wait_for_a_fetch_that_starts_too_late(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched() as keys:
        await flood(keys, clock, seconds=60)
        fetched = len(issuer.fetches)
        while len(issuer.fetches) == fetched:
            attack(keys, "random")
            await clock.advance(0.01)
        find = start_find(keys, "new")
        await settle()
        error = error_of(find)
        assert isinstance(error, VerifierUnavailableError)
        assert 5 <= error.retry_after <= 9


async def test_is_unknown_only_if_a_key_set_fetched_after_the_request_lacks_the_key(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched() as keys:
        finds: list[tuple[float, Find]] = []
        finished: dict[Find, float] = {}
        for _ in range(400):
            find = attack(keys, f"random-{clock()}")
            finds.append((clock(), find))
            find.add_done_callback(lambda find: finished.setdefault(find, clock()))
            await clock.advance(0.1)
        await clock.advance(10)
        for started, find in finds:
            assert finished[find] - started <= MAX_WAIT + 0.2
            fetched_since = any(started <= at <= finished[find] for at in issuer.fetches)
            expected = UnknownKeyError if fetched_since else VerifierUnavailableError
            assert isinstance(error_of(find), expected)


async def test_a_client_with_a_withdrawn_key_that_obeys_retry_after_gets_401(
    issuer: Issuer, clock: Clock
) -> None:
    # A client that returned just after each fetch would never get its 401.
    async with issuer.fetched() as keys:
        await flood(keys, clock, seconds=60)
        error: BaseException | None = None
        for _ in range(5):
            find = start_find(keys, "withdrawn")
            await clock.advance(2.1)
            error = error_of(find)
            if isinstance(error, UnknownKeyError):
                break
            assert isinstance(error, VerifierUnavailableError)
            retry_at = clock() - 2.1 + int(error.retry_after + 0.999)
            while clock() < retry_at:
                attack(keys, "random")
                await clock.advance(0.05)
        assert isinstance(error, UnknownKeyError)


async def test_the_number_of_waiting_callers_is_limited(issuer: Issuer, clock: Clock) -> None:
    async with issuer.fetched() as keys:
        await clock.advance(10)
        issuer.delay = 1
        finds = [attack(keys, f"random-{n}") for n in range(1000)]
        await settle()
        done = [find for find in finds if find.done()]
        assert len(done) == 1000 - MAX_WAITING
        assert all(isinstance(error_of(find), VerifierUnavailableError) for find in done)
        known = start_find(keys)
        await asyncio.sleep(0)
        assert kids_of(known) == ["key-1"]
        await clock.advance(1)
        await asyncio.wait(finds)
        later = start_find(keys, "later")  # the places are free again
        await settle()
        assert not later.done()
        later.cancel()


async def test_cancelled_callers_free_their_places(issuer: Issuer, clock: Clock) -> None:
    async with issuer.fetched() as keys:
        await clock.advance(10)
        issuer.delay = 1
        finds = [attack(keys, f"random-{n}") for n in range(MAX_WAITING)]
        await settle()
        for find in finds:
            find.cancel()
        await settle()
        find = start_find(keys, "new")
        issuer.publish(signer("EdDSA", "new"))
        await clock.advance(1)
        assert kids_of(find) == ["new"]


async def test_a_thousand_random_ids_over_the_network_cause_at_most_20_fetches() -> None:
    async with key_server(answer(key_set(signer("EdDSA")))) as server, keys_of(server) as keys:
        await keys.find("EdDSA", "key-1")
        start = time.monotonic()
        for batch in range(10):
            finds = [keys.find("EdDSA", f"random-{batch}-{n}") for n in range(100)]
            errors = await asyncio.gather(*finds, return_exceptions=True)
            assert {type(error) for error in errors} <= {UnknownKeyError, VerifierUnavailableError}
        assert time.monotonic() - start < 25
        assert len(server.requests) - 1 <= 20


async def test_a_caller_over_the_network_waits_two_seconds_at_most() -> None:
    async with key_server(answer(key_set(signer("EdDSA")))) as server, keys_of(server) as keys:
        await keys.find("EdDSA", "key-1")
        server.behaviour = hang()
        start = time.monotonic()
        with pytest.raises(VerifierUnavailableError):
            await keys.find("EdDSA", "new")
        assert time.monotonic() - start < MAX_WAIT + 2
