"""Background refreshes while the issuer is healthy, and changed key sets."""

from itertools import pairwise

import pytest

from backend.domain.auth import UnknownKeyError
from backend.testing.signers import signer
from tests.adapters.auth.clock import Clock, settle
from tests.adapters.auth.issuer import Issuer, error_of, kids_of, start_find

pytestmark = pytest.mark.anyio


async def test_refreshes_in_the_background_before_the_keys_are_old(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched(max_age=300) as keys:
        issuer.delay = 5
        for _ in range(600):
            await clock.advance(1)
            find = start_find(keys)
            await settle()
            assert kids_of(find) == ["key-1"]
        ages = [later - at for at, later in pairwise(issuer.fetches)]
        assert len(ages) == 2
        assert all(0.75 * 300 <= age <= 0.9 * 300 + 5 for age in ages)


async def test_processes_refresh_at_different_times(clock: Clock) -> None:
    ages = set()
    for _ in range(10):
        issuer = Issuer(clock)
        start = clock()
        async with issuer.fetched(max_age=300):
            await clock.advance(300)
            ages.add(issuer.fetches[1] - start)
    assert len(ages) == 10


async def test_a_max_age_of_one_second_causes_at_most_one_fetch_a_second(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched(max_age=1):
        await clock.advance(60)
        assert 55 <= len(issuer.fetches) <= 61


async def test_a_fetch_for_a_caller_postpones_the_next_refresh(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched(max_age=300) as keys:
        await clock.advance(200)
        find = start_find(keys, "unknown")
        await clock.advance(200)
        assert isinstance(error_of(find), UnknownKeyError)
        assert len(issuer.fetches) == 2


async def test_a_removed_key_is_unknown_after_the_next_refresh(
    issuer: Issuer, clock: Clock
) -> None:
    issuer.publish(signer("EdDSA", "1"), signer("EdDSA", "2"))
    async with issuer.fetched() as keys:
        epoch = keys.epoch()
        issuer.publish(signer("EdDSA", "2"))
        await clock.advance(300)
        assert keys.epoch() != epoch
        assert keys.state().kids == ("2",)
        find = start_find(keys, "1")
        await clock.advance(2)
        assert isinstance(error_of(find), UnknownKeyError)


async def test_a_replaced_key_with_the_same_id_changes_the_epoch(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched() as keys:
        epoch = keys.epoch()
        issuer.publish(signer("EdDSA", "another").jwk(kid="key-1"))
        await clock.advance(300)
        assert keys.epoch() != epoch


async def test_an_added_key_keeps_the_epoch(issuer: Issuer, clock: Clock) -> None:
    async with issuer.fetched() as keys:
        epoch = keys.epoch()
        issuer.publish(signer("EdDSA"), signer("EdDSA", "2"))
        await clock.advance(300)
        assert keys.state().kids == ("key-1", "2")
        assert keys.epoch() == epoch


async def test_logs_unusable_keys_once(
    issuer: Issuer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.publish(signer("EdDSA"), signer("EdDSA", "2").jwk(use="tls"))
    async with issuer.fetched() as keys:
        await clock.advance(900)
        assert len(issuer.fetches) >= 3
        assert keys.state().rejected == ("key 1: use is not sig",)
    [record] = caplog.records
    assert record.getMessage() == ("ignoring unusable keys in the key set: key 1: use is not sig")
