"""While the issuer hangs or fails: stale keys, back-off, log messages."""

import asyncio
import logging
import re
from itertools import pairwise

import pytest

from backend.adapters.auth.jwks.keys import JwksKeys
from backend.domain.auth import VerifierUnavailableError
from backend.testing.signers import key_set, signer
from tests.adapters.auth.clock import Clock, settle
from tests.adapters.auth.issuer import (
    Issuer,
    error_of,
    http_error,
    kids_of,
    start_find,
    unreachable,
)
from tests.adapters.auth.tokens import token
from tests.adapters.auth.verifiers import verifier

pytestmark = pytest.mark.anyio


async def test_returns_known_keys_at_once_while_the_issuer_hangs(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched() as keys:
        issuer.delay = 1_000_000
        for _ in range(20):
            await clock.advance(30)
            find = start_find(keys)
            await asyncio.sleep(0)
            assert kids_of(find) == ["key-1"]
        assert len(issuer.fetches) == 2
        assert issuer.max_concurrent == 1


async def test_the_epoch_changes_at_every_call_while_the_keys_are_too_old(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.keys(max_age=300, max_stale=0) as keys:
        assert keys.epoch() != keys.epoch()
        await settle()
        fresh = keys.epoch()
        assert keys.epoch() == fresh
        issuer.error = unreachable()
        await clock.advance(300)
        assert len({fresh, *(keys.epoch() for _ in range(3))}) == 4


async def test_keys_that_expire_while_a_caller_waits_are_an_outage(
    clock: Clock,
) -> None:
    fetches = iter([key_set(signer("EdDSA"))])

    async def fetch() -> bytes:
        asyncio.get_running_loop().call_soon(expire)
        try:
            return next(fetches)
        except StopIteration:
            raise unreachable() from None

    def expire() -> None:
        clock.now += 2

    keys = JwksKeys(fetch, max_age=1, max_stale=0, clock=clock, sleep=clock.sleep)
    async with keys:
        find = start_find(keys)
        await clock.advance(5)
        assert isinstance(error_of(find), VerifierUnavailableError)


@pytest.mark.parametrize(
    "failure",
    [
        http_error(500),
        b"<html>",
        b'{"keys":[{"kty":"unknown"}]}',
        ValueError("an unexpected error"),
        RecursionError(),
        MemoryError(),
    ],
    ids=repr,
)
async def test_keeps_stale_keys_while_the_issuer_is_down_but_not_forever(
    issuer: Issuer, clock: Clock, failure: Exception | bytes
) -> None:
    async with issuer.fetched(max_age=300, max_stale=3600) as keys:
        if isinstance(failure, bytes):
            issuer.document = failure
        else:
            issuer.error = failure
        epoch = keys.epoch()
        for _ in range(13):
            await clock.advance(299)
            find = start_find(keys)
            await settle()
            assert kids_of(find) == ["key-1"]
            await keys.check()
            assert keys.epoch() == epoch
        await clock.advance(14)
        find = start_find(keys)
        await clock.advance(1)
        error = error_of(find)
        assert isinstance(error, VerifierUnavailableError)
        assert 1 <= error.retry_after <= 30
        assert keys.epoch() != epoch
        assert not keys.state().usable
        with pytest.raises(VerifierUnavailableError):
            await keys.check()


async def test_accepts_tokens_of_known_keys_during_an_outage_until_the_keys_are_too_old(
    issuer: Issuer, clock: Clock
) -> None:
    verify = verifier(source=(keys := issuer.keys(max_age=300, max_stale=600))).verify
    good = token()
    async with keys:
        await settle()
        issuer.error = unreachable()
        results = []
        for _ in range(120):
            await clock.advance(10)
            verifying = asyncio.ensure_future(verify(good))
            await settle()
            results.append(type(verifying.exception()) if verifying.exception() else "accepted")
        assert results[:89] == ["accepted"] * 89
        assert set(results[90:]) == {VerifierUnavailableError}


async def test_backs_off_from_a_failing_issuer(issuer: Issuer, clock: Clock) -> None:
    issuer.error = http_error(500)
    async with issuer.keys():
        await clock.advance(3600)
        pauses = [later - at for at, later in pairwise(issuer.fetches)]
        assert all(pause >= 1 for pause in pauses)
        assert all(15 <= pause <= 30 for pause in pauses[5:])
        assert 120 <= len(issuer.fetches) <= 250


async def test_callers_do_not_shorten_the_back_off(issuer: Issuer, clock: Clock) -> None:
    # Attempts count, not successes, so a failing issuer is not flooded.
    issuer.error = http_error(500)
    async with issuer.keys() as keys:
        for _ in range(600):
            await clock.advance(1)
            finds = [start_find(keys), start_find(keys, None), start_find(keys, "unknown")]
            await settle()
            assert all(isinstance(error_of(find), VerifierUnavailableError) for find in finds)
        assert len(issuer.fetches) <= 60


async def test_waits_as_long_as_retry_after_asks(issuer: Issuer, clock: Clock) -> None:
    issuer.error = http_error(429, retry_after=120)
    async with issuer.keys() as keys:
        await clock.advance(119)
        find = start_find(keys)
        await settle()
        error = error_of(find)
        assert isinstance(error, VerifierUnavailableError)
        assert error.retry_after == pytest.approx(1)
        assert len(issuer.fetches) == 1
        await clock.advance(1)
        assert len(issuer.fetches) == 2


async def test_the_cause_of_an_outage_is_the_last_fetch_error(issuer: Issuer, clock: Clock) -> None:
    issuer.error = failure = http_error(404)
    async with issuer.keys() as keys:
        await settle()
        find = start_find(keys)
        await settle()
        error = error_of(find)
        assert isinstance(error, VerifierUnavailableError)
        assert error.__cause__ is failure
        with pytest.raises(VerifierUnavailableError) as caught:
            await keys.check()
        assert caught.value.__cause__ is failure
        assert failure.__traceback__ is None  # its frames would keep the response in memory


async def test_logs_why_the_key_set_is_not_refreshed(
    issuer: Issuer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.error = http_error(500)
    async with issuer.keys():
        await settle()
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert re.fullmatch(
        r"cannot refresh the key set from https://app\.example\.com/auth/jwks: HTTP 500;"
        r" retrying in [12] s\. Run `doctor` for help\.",
        record.getMessage(),
    )


async def test_logs_the_end_of_an_outage(
    issuer: Issuer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="backend")
    issuer.error = http_error(500)
    async with issuer.keys():
        await clock.advance(2)
        issuer.error = None
        await clock.advance(60)
    failures = [record.levelname for record in caplog.records].count("WARNING")
    assert caplog.messages[failures:] == [
        "the key set from https://app.example.com/auth/jwks has changed: added 'key-1'",
        f"key set refreshed after {failures} failures",
    ]


async def test_an_unexpected_error_is_named_but_its_message_is_not_shown(
    issuer: Issuer, clock: Clock
) -> None:
    issuer.error = ValueError("with a secret in its message")
    async with issuer.keys() as keys:
        await settle()
        assert keys.state().error == "ValueError"
