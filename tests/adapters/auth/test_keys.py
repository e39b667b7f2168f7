"""The life of the keys, second by second: what callers get, and what the issuer has to bear."""

import asyncio
import logging
import re
from collections.abc import Sequence
from itertools import pairwise

import pytest

from backend.adapters.auth.jose.jwk import UnusableKeyError, VerificationKey
from backend.adapters.auth.jwks.fetch import FetchError
from backend.adapters.auth.keys import JwksKeys, SecretKeys
from backend.domain.auth import (
    AuthError,
    InvalidAlgorithmError,
    InvalidSignatureError,
    UnknownKeyError,
    VerifierUnavailableError,
)
from tests.adapters.auth.clock import Clock, settle
from tests.adapters.auth.issuer import Issuer
from tests.adapters.auth.memory import texts_kept_by
from tests.adapters.auth.tokens import SECRET, key_set, signer, token
from tests.adapters.auth.verifiers import verifier

pytestmark = pytest.mark.anyio

Find = asyncio.Task[Sequence[VerificationKey]]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer(clock: Clock) -> Issuer:
    return Issuer(clock)


def finding(keys: JwksKeys, kid: str | None = "key-1") -> Find:
    """Begin to find a key, as a request does."""
    return asyncio.ensure_future(keys.find("EdDSA", kid))


def kids(find: Find) -> list[str | None]:
    assert find.done(), "it is still waiting"
    return [key.kid for key in find.result()]


def failure(find: Find) -> BaseException | None:
    assert find.done(), "it is still waiting"
    return find.exception()


# --- Without waiting --------------------------------------------------------------


async def test_knows_the_keys_that_are_here_and_not_too_old(issuer: Issuer, clock: Clock) -> None:
    async with issuer.keys(max_age=300, max_stale=3600) as keys:
        assert not keys.known("EdDSA", "key-1")
        await settle()
        assert [key.kid for key in keys.known("EdDSA", "key-1")] == ["key-1"]
        assert not keys.known("EdDSA", "another")
        with pytest.raises(InvalidAlgorithmError):
            keys.known("ES256", "key-1")
        issuer.error = FetchError("down")
        await clock.advance(3899)
        assert keys.known("EdDSA", "key-1")
        await clock.advance(1)
        assert not keys.known("EdDSA", "key-1")
    assert not keys.known("EdDSA", "key-1")


# --- At the start -----------------------------------------------------------------


async def test_starts_to_fetch_without_making_the_start_wait(issuer: Issuer, clock: Clock) -> None:
    issuer.takes = 3600
    async with issuer.keys() as keys:
        assert issuer.fetches == []
        await settle()
        assert len(issuer.fetches) == 1
        assert not keys.state().usable


async def test_fifty_callers_at_a_cold_start_share_one_fetch(issuer: Issuer, clock: Clock) -> None:
    issuer.takes = 0.5
    async with issuer.keys() as keys:
        finds = [finding(keys) for _ in range(50)]
        await clock.advance(0.4)
        assert not any(find.done() for find in finds)
        await clock.advance(0.1)
        assert [kids(find) for find in finds] == [["key-1"]] * 50
        assert len(issuer.fetches) == 1


async def test_callers_who_waited_leave_the_loop_to_others_in_between(
    issuer: Issuer, clock: Clock
) -> None:
    issuer.takes, turn, went_on = 0.5, 0, list[int]()
    async with issuer.keys() as keys:

        async def find() -> None:
            await keys.find("EdDSA", "key-1")
            went_on.append(turn)

        finds = asyncio.gather(*(find() for _ in range(50)))
        await clock.advance(0.4)
        clock.now += 0.1
        wakes = asyncio.ensure_future(clock.advance(0))
        while not finds.done():
            turn += 1
            await asyncio.sleep(0)
        await wakes
    assert max(went_on.count(one) for one in set(went_on)) <= 8


def test_serves_another_event_loop_afterwards(clock: Clock) -> None:
    issuer = Issuer(clock)
    keys = issuer.keys()

    async def serve() -> None:
        async with keys:
            found = await asyncio.gather(*(keys.find("EdDSA", "key-1") for _ in range(50)))
            assert [one.kid for (one,) in found] == ["key-1"] * 50

    for _ in range(2):
        clock.now += 1
        asyncio.run(serve())


async def test_without_any_keys_nobody_is_refused_for_the_outage(
    issuer: Issuer, clock: Clock
) -> None:
    issuer.error = FetchError("status 500")
    async with issuer.keys() as keys:
        await settle()
        find = finding(keys)
        await settle()
        error = failure(find)
        assert isinstance(error, VerifierUnavailableError)
        assert not isinstance(error, AuthError)
        assert error.retry_after >= 1
        with pytest.raises(VerifierUnavailableError, match="status 500"):
            await keys.check()


async def test_a_source_whose_first_fetch_is_under_way_is_not_ready_yet(
    issuer: Issuer, clock: Clock
) -> None:
    issuer.takes = 1
    async with issuer.keys() as keys:
        with pytest.raises(VerifierUnavailableError, match="none was fetched yet"):
            await keys.check()
        await clock.advance(1)
        await keys.check()


async def test_recovers_by_itself_once_the_issuer_is_there(issuer: Issuer, clock: Clock) -> None:
    issuer.error = FetchError("refused")
    async with issuer.keys() as keys:
        await clock.advance(60)
        issuer.error = None
        await clock.advance(30)
        await keys.check()
        assert keys.state().error is None


# --- While the issuer is well ---------------------------------------------------------


async def test_refreshes_behind_the_callers_before_the_keys_are_old(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched(max_age=300) as keys:
        issuer.takes = 5
        for _ in range(600):
            await clock.advance(1)
            find = finding(keys)
            await settle()
            assert kids(find) == ["key-1"]
        ages = [later - at for at, later in pairwise(issuer.fetches)]
        assert len(ages) == 2
        assert all(0.75 * 300 <= age <= 0.9 * 300 + 5 for age in ages)


async def test_refreshes_at_moments_that_differ_between_processes(clock: Clock) -> None:
    moments = set()
    for _ in range(10):
        issuer = Issuer(clock)
        began = clock()
        async with issuer.fetched(max_age=300):
            await clock.advance(300)
            moments.add(issuer.fetches[1] - began)
    assert len(moments) == 10


async def test_keys_that_live_a_second_are_not_fetched_more_than_once_a_second(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched(max_age=1):
        await clock.advance(60)
        assert 55 <= len(issuer.fetches) <= 61


async def test_a_refresh_that_a_caller_caused_puts_the_next_one_off(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched(max_age=300) as keys:
        await clock.advance(200)
        find = finding(keys, "unknown")
        await clock.advance(200)
        assert isinstance(failure(find), UnknownKeyError)
        assert len(issuer.fetches) == 2


async def test_a_withdrawn_key_is_unknown_from_the_next_refresh_on(
    issuer: Issuer, clock: Clock
) -> None:
    issuer.publish(signer("EdDSA", "1"), signer("EdDSA", "2"))
    async with issuer.fetched() as keys:
        epoch = keys.epoch()
        issuer.publish(signer("EdDSA", "2"))
        await clock.advance(300)
        assert keys.epoch() != epoch
        assert keys.state().kids == ("2",)
        find = finding(keys, "1")
        await clock.advance(2)
        assert isinstance(failure(find), UnknownKeyError)


async def test_a_key_that_is_exchanged_behind_its_id_changes_the_epoch(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched() as keys:
        epoch = keys.epoch()
        issuer.publish(signer("EdDSA", "another").jwk(kid="key-1"))
        await clock.advance(300)
        assert keys.epoch() != epoch


async def test_a_key_that_is_added_leaves_earlier_verdicts_alone(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched() as keys:
        epoch = keys.epoch()
        issuer.publish(signer("EdDSA"), signer("EdDSA", "2"))
        await clock.advance(300)
        assert keys.state().kids == ("key-1", "2")
        assert keys.epoch() == epoch


async def test_an_issuer_that_publishes_no_key_any_more_has_withdrawn_them_all(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched() as keys:
        issuer.document = b'{"keys":[]}'
        await clock.advance(300)
        find = finding(keys)
        await clock.advance(2)
        assert isinstance(failure(find), UnknownKeyError)


# --- While the issuer fails ------------------------------------------------------------


async def test_answers_from_known_keys_at_once_while_the_issuer_hangs(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched() as keys:
        issuer.takes = 1_000_000
        for _ in range(20):
            await clock.advance(30)
            find = finding(keys)
            await asyncio.sleep(0)
            assert kids(find) == ["key-1"]
        assert len(issuer.fetches) == 2
        assert issuer.most_at_once == 1


async def test_a_verdict_holds_for_nobody_else_while_the_keys_are_too_old(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.keys(max_age=300, max_stale=0) as keys:
        assert keys.epoch() != keys.epoch()
        await settle()
        fresh = keys.epoch()
        assert keys.epoch() == fresh
        issuer.error = FetchError("down")
        await clock.advance(300)
        assert len({fresh, *(keys.epoch() for _ in range(3))}) == 4


async def test_keys_that_got_too_old_while_somebody_waited_for_them_are_an_outage(
    clock: Clock,
) -> None:
    fetches = iter([key_set(signer("EdDSA"))])

    async def fetch() -> bytes:
        asyncio.get_running_loop().call_soon(grow_old)
        try:
            return next(fetches)
        except StopIteration:
            raise FetchError("down") from None

    def grow_old() -> None:
        clock.now += 2

    keys = JwksKeys(fetch, max_age=1, max_stale=0, clock=clock, sleep=clock.sleep)
    async with keys:
        find = finding(keys)
        await clock.advance(5)
        assert isinstance(failure(find), VerifierUnavailableError)


@pytest.mark.parametrize(
    "trouble",
    [
        FetchError("status 500"),
        b"<html>",
        b'{"keys":[{"kty":"unknown"}]}',
        ValueError("an error that no one thought of"),
        RecursionError(),
        MemoryError(),
    ],
    ids=repr,
)
async def test_keeps_stale_keys_while_the_issuer_is_down_but_not_for_ever(
    issuer: Issuer, clock: Clock, trouble: Exception | bytes
) -> None:
    async with issuer.fetched(max_age=300, max_stale=3600) as keys:
        if isinstance(trouble, bytes):
            issuer.document = trouble
        else:
            issuer.error = trouble
        epoch = keys.epoch()
        for _ in range(13):
            await clock.advance(299)
            find = finding(keys)
            await settle()
            assert kids(find) == ["key-1"]
            await keys.check()
            assert keys.epoch() == epoch
        await clock.advance(14)
        find = finding(keys)
        await clock.advance(1)
        error = failure(find)
        assert isinstance(error, VerifierUnavailableError)
        assert 1 <= error.retry_after <= 30
        assert keys.epoch() != epoch
        assert not keys.state().usable
        with pytest.raises(VerifierUnavailableError):
            await keys.check()


async def test_a_known_key_is_never_refused_for_the_issuers_outage(
    issuer: Issuer, clock: Clock
) -> None:
    verify = verifier(source=(keys := issuer.keys(max_age=300, max_stale=600))).verify
    good = token()
    async with keys:
        await settle()
        issuer.error = FetchError("gone")
        outcomes = []
        for _ in range(120):
            await clock.advance(10)
            checking = asyncio.ensure_future(verify(good))
            await settle()
            outcomes.append(type(checking.exception()) if checking.exception() else "accepted")
        assert outcomes[:89] == ["accepted"] * 89
        assert set(outcomes[90:]) == {VerifierUnavailableError}


async def test_backs_off_from_a_failing_issuer(issuer: Issuer, clock: Clock) -> None:
    issuer.error = FetchError("status 500")
    async with issuer.keys():
        await clock.advance(3600)
        pauses = [later - at for at, later in pairwise(issuer.fetches)]
        assert all(pause >= 1 for pause in pauses)
        assert all(15 <= pause <= 30 for pause in pauses[5:])
        assert 120 <= len(issuer.fetches) <= 250


async def test_callers_do_not_shorten_the_pauses(issuer: Issuer, clock: Clock) -> None:
    # Attempts count, not successes: a dead issuer is not hammered.
    issuer.error = FetchError("status 500")
    async with issuer.keys() as keys:
        for _ in range(600):
            await clock.advance(1)
            finds = [finding(keys), finding(keys, None), finding(keys, "unknown")]
            await settle()
            assert all(isinstance(failure(find), VerifierUnavailableError) for find in finds)
        assert len(issuer.fetches) <= 60


async def test_leaves_an_issuer_alone_for_as_long_as_it_asks(issuer: Issuer, clock: Clock) -> None:
    issuer.error = FetchError("status 429", retry_after=120)
    async with issuer.keys() as keys:
        await clock.advance(119)
        find = finding(keys)
        await settle()
        error = failure(find)
        assert isinstance(error, VerifierUnavailableError)
        assert error.retry_after == pytest.approx(1)
        assert len(issuer.fetches) == 1
        await clock.advance(1)
        assert len(issuer.fetches) == 2


async def test_says_in_the_log_why_keys_are_not_refreshed(
    issuer: Issuer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.error = FetchError("status 500")
    async with issuer.keys():
        await settle()
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert re.fullmatch(
        r"key set not refreshed: status 500; next attempt in [12] s", record.getMessage()
    )


async def test_says_in_the_log_that_the_outage_is_over(
    issuer: Issuer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="backend")
    issuer.error = FetchError("status 500")
    async with issuer.keys():
        await clock.advance(2)
        issuer.error = None
        await clock.advance(60)
    assert [record.levelname for record in caplog.records].count("INFO") == 1
    assert (
        caplog.messages[-1] == f"key set refreshed again, after {len(caplog.records) - 1} failures"
    )


async def test_says_once_which_keys_are_dropped(
    issuer: Issuer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.publish(signer("EdDSA"), signer("EdDSA", "2").jwk(use="enc"))
    async with issuer.fetched() as keys:
        await clock.advance(900)
        assert len(issuer.fetches) >= 3
        assert keys.state().rejected == ("key 1: use is not sig",)
    [record] = caplog.records
    assert record.getMessage() == (
        "unusable keys in the key set were dropped: key 1: use is not sig"
    )


# --- Keys that are not known (yet) ---------------------------------------------------------


async def test_accepts_a_new_key_within_two_seconds_of_any_fetch(
    issuer: Issuer, clock: Clock
) -> None:
    # Better Auth makes a key at the first signing: a token is the first to name it.
    async with issuer.fetched() as keys:
        issuer.takes = 0.2
        issuer.publish(signer("EdDSA"), signer("EdDSA", "new"))
        find = finding(keys, "new")
        await clock.advance(2)
        assert kids(find) == ["new"]
        assert len(issuer.fetches) == 2


async def test_accepts_a_new_key_that_appears_while_a_fetch_is_under_way(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched() as keys:
        await clock.advance(10)
        issuer.takes = 0.5
        first = finding(keys, "unknown")
        await clock.advance(0.1)
        before, issuer.document = issuer.document, key_set(signer("EdDSA", "new"))
        second = finding(keys, "new")
        issuer.document = before
        await clock.advance(0.4)  # the fetch that was under way brings the old keys
        assert isinstance(failure(first), UnknownKeyError)
        assert not second.done()
        issuer.publish(signer("EdDSA"), signer("EdDSA", "new"))
        await clock.advance(1.1)
        assert kids(second) == ["new"]


async def test_accepts_a_new_key_while_an_attacker_floods_unknown_ones(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched() as keys:
        issuer.takes = 0.2
        flood: list[Find] = []

        async def attack(seconds: int) -> None:
            for _ in range(seconds * 10):
                flood.extend(finding(keys, f"random-{len(flood)}") for _ in range(20))
                await clock.advance(0.1)

        await attack(seconds=5)
        issuer.publish(signer("EdDSA"), signer("EdDSA", "new"))
        find = finding(keys, "new")
        await attack(seconds=2)
        assert kids(find) == ["new"]
        await clock.advance(2)
        assert all(isinstance(failure(one), UnknownKeyError) for one in flood)
        pauses = [later - at for at, later in pairwise(issuer.fetches)]
        assert all(pause >= 0.999 for pause in pauses)


@pytest.mark.parametrize("name", ["unknown", "unknown-{}", "../../keys/{}", "{}' OR '1'='1"])
async def test_a_thousand_unknown_ids_cost_one_fetch_a_second(
    issuer: Issuer, clock: Clock, name: str
) -> None:
    async with issuer.fetched() as keys:
        began = clock()
        finds = []
        for batch in range(10):
            finds += [finding(keys, name.format(batch * 100 + n)) for n in range(100)]
            await clock.advance(0.5)
        await clock.advance(2)
        assert all(isinstance(failure(find), UnknownKeyError) for find in finds)
        assert len(issuer.fetches) - 1 <= clock() - began
        assert issuer.most_at_once == 1


async def test_remembers_nothing_of_unknown_ids(issuer: Issuer, clock: Clock) -> None:
    async with issuer.fetched() as keys:
        for batch in range(2):
            finds = [finding(keys, f"remember-me-{batch}-{n}") for n in range(1000)]
            await clock.advance(2)
            await asyncio.wait(finds)
            assert all(isinstance(failure(find), UnknownKeyError) for find in finds)
            finds.clear()
        kept = list(texts_kept_by(keys))
        assert "key-1" in kept
        assert not any("remember-me" in text for text in kept)


async def test_bad_signatures_cost_no_fetch(issuer: Issuer, clock: Clock) -> None:
    forged = token(signer("EdDSA", "mallory"), header={"kid": "key-1"})
    async with issuer.fetched() as keys:
        verify = verifier(source=keys).verify
        await clock.advance(10)
        for _ in range(1000):
            with pytest.raises(InvalidSignatureError):
                await verify(forged)
        await settle()
        assert len(issuer.fetches) == 1


async def test_an_unknown_key_is_not_refused_while_the_issuer_cannot_be_asked(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched() as keys:
        issuer.error = FetchError("status 500")
        find = finding(keys, "new")
        await clock.advance(1)
        assert isinstance(failure(find), VerifierUnavailableError)


async def test_a_known_key_named_for_another_algorithm_costs_no_fetch(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched() as keys:
        await clock.advance(10)
        with pytest.raises(InvalidAlgorithmError):
            await keys.find("ES256", "key-1")
        assert len(issuer.fetches) == 1


async def test_a_token_that_names_no_key_finds_the_only_one(issuer: Issuer, clock: Clock) -> None:
    async with issuer.fetched() as keys:
        assert [key.kid for key in await keys.find("EdDSA", None)] == ["key-1"]


# --- Callers and loops that come and go ------------------------------------------------------


async def test_a_caller_that_goes_away_takes_no_one_along(issuer: Issuer, clock: Clock) -> None:
    issuer.takes = 1
    async with issuer.keys() as keys:
        finds = [finding(keys) for _ in range(3)]
        await clock.advance(0.5)
        finds[0].cancel()
        await settle()
        assert finds[0].cancelled()
        await clock.advance(0.5)
        assert [kids(find) for find in finds[1:]] == [["key-1"]] * 2
        assert len(issuer.fetches) == 1


async def test_the_caller_that_began_a_fetch_may_go_away(issuer: Issuer, clock: Clock) -> None:
    async with issuer.fetched() as keys:
        await clock.advance(10)
        issuer.takes = 1
        issuer.publish(signer("EdDSA", "new"))
        first, second = finding(keys, "new"), finding(keys, "new")
        await clock.advance(0.5)
        first.cancel()
        await clock.advance(0.5)
        assert first.cancelled()
        assert kids(second) == ["new"]
        assert len(issuer.fetches) == 2


async def test_callers_of_a_source_that_is_left_are_told_to_come_back(
    issuer: Issuer, clock: Clock
) -> None:
    issuer.takes = 1
    async with issuer.keys() as keys:
        finds = [finding(keys), finding(keys, None)]
        await clock.advance(0.5)
    await settle()
    assert all(isinstance(failure(find), VerifierUnavailableError) for find in finds)


async def test_leaves_no_task_behind(issuer: Issuer, clock: Clock) -> None:
    before = asyncio.all_tasks()
    issuer.takes = 1
    async with issuer.keys():
        await clock.advance(0.5)
        assert asyncio.all_tasks() > before
    assert asyncio.all_tasks() == before


async def test_can_be_left_before_it_has_begun(issuer: Issuer) -> None:
    async with issuer.keys():
        pass
    assert issuer.fetches == []


async def test_leaving_can_be_interrupted(issuer: Issuer, clock: Clock) -> None:
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


async def test_outside_its_context_it_says_that_nobody_keeps_the_keys(
    issuer: Issuer, clock: Clock
) -> None:
    keys = issuer.keys()
    for _ in range(2):
        with pytest.raises(VerifierUnavailableError, match="not kept fresh"):
            await keys.find("EdDSA", "key-1")
        with pytest.raises(VerifierUnavailableError, match="not kept fresh"):
            await keys.check()
        assert keys.epoch() < 0
        async with keys:
            await clock.advance(1)
            await keys.find("EdDSA", "key-1")
    assert len(issuer.fetches) == 2


def test_serves_two_event_loops_one_after_the_other() -> None:
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


def test_serves_another_event_loop_after_one_that_was_torn_down() -> None:
    clock = Clock()
    issuer = Issuer(clock)
    keys = issuer.keys()
    issuer.takes = 1

    async def crash() -> None:
        await keys.__aenter__()
        await settle()  # and the fetch is still under way

    async def serve() -> list[str | None]:
        async with keys:
            await clock.advance(2)
            return [key.kid for key in await keys.find("EdDSA", "key-1")]

    asyncio.run(crash())
    clock = issuer.clock
    assert asyncio.run(serve()) == ["key-1"]


# --- What it says of itself ------------------------------------------------------------------


async def test_its_state_tells_the_truth(issuer: Issuer, clock: Clock) -> None:
    issuer.takes = 2
    async with issuer.keys(max_age=300, max_stale=300) as keys:
        before = keys.state()
        assert (before.kids, before.rejected, before.usable) == ((), (), False)
        assert (before.age, before.attempted, before.error) == (None, None, None)

        await clock.advance(5)
        well = keys.state()
        assert (well.kids, well.rejected, well.usable) == (("key-1",), (), True)
        assert (well.age, well.attempted, well.error) == (3, 5, None)

        issuer.error = FetchError("status 500")
        await clock.advance(350)
        ill = keys.state()
        assert (ill.kids, ill.usable, ill.error) == (("key-1",), True, "status 500")
        assert ill.age == 353
        assert ill.attempted is not None
        assert ill.attempted <= 32

        await clock.advance(250)
        dead = keys.state()
        assert (dead.usable, dead.error, dead.age) == (False, "status 500", 603)


async def test_an_error_that_no_one_thought_of_is_named_and_not_quoted(
    issuer: Issuer, clock: Clock
) -> None:
    issuer.error = ValueError("with a secret in its message")
    async with issuer.keys() as keys:
        await settle()
        assert keys.state().error == "ValueError"


async def test_a_secret_source_offers_every_secret() -> None:
    source = SecretKeys([SECRET, b"x" * 32])
    keys = await source.find("HS256", "any")
    assert [key.algorithms for key in keys] == [("HS256",), ("HS256",)]
    assert source.known("HS256", "any") == keys


async def test_a_secret_source_refuses_a_secret_that_is_none() -> None:
    for secret in (b"", b"short", key_set(signer("RS256"))):
        with pytest.raises(UnusableKeyError):
            SecretKeys([SECRET, secret])
