"""A new key under a known id, as after a reset of a database with serial ids."""

import asyncio

import pytest

from backend.adapters.auth.cache import CachedTokenVerifier
from backend.adapters.auth.jwks.keys import JwksKeys
from backend.adapters.auth.jwks.refresher import MAX_WAIT
from backend.domain.auth import (
    InvalidAlgorithmError,
    InvalidSignatureError,
    Principal,
    TokenVerifier,
)
from backend.testing.signers import signer
from tests.adapters.auth.clock import Clock, settle
from tests.adapters.auth.issuer import Issuer, http_error
from tests.adapters.auth.tokens import NOW, token
from tests.adapters.auth.verifiers import verifier

pytestmark = pytest.mark.anyio

OLD = signer("EdDSA")
NEW = signer("EdDSA", "after the reset")
NEW_TOKEN = token(NEW, header={"kid": "key-1"})
FORGED = token(signer("EdDSA", "mallory"), header={"kid": "key-1"})


def replace_key(issuer: Issuer) -> None:
    """Publish another key under the id of the old key."""
    issuer.publish(NEW.jwk(kid="key-1"))


def start_verification(keys: JwksKeys, text: str) -> asyncio.Task[Principal]:
    task = asyncio.ensure_future(verifier(source=keys).verify(text))
    task.add_done_callback(lambda task: task.cancelled() or task.exception())
    return task


def error_of(task: asyncio.Task[Principal]) -> BaseException | None:
    assert task.done(), "the caller still waits"
    return task.exception()


async def test_accepts_a_token_of_a_new_key_under_a_known_id(issuer: Issuer, clock: Clock) -> None:
    async with issuer.fetched() as keys:
        await clock.advance(10)
        issuer.delay = 0.2
        replace_key(issuer)
        tasks = [start_verification(keys, NEW_TOKEN) for _ in range(20)]
        await clock.advance(0.5)
        assert all(error_of(task) is None for task in tasks)
        assert len(issuer.fetches) == 2
        old = start_verification(keys, token(OLD))
        await settle()
        assert isinstance(error_of(old), InvalidSignatureError)


async def test_accepts_a_new_key_of_another_algorithm_under_a_known_id(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched() as keys:
        await clock.advance(10)
        issuer.publish(signer("ES256"))
        task = start_verification(keys, token(signer("ES256")))
        await clock.advance(1)
        assert error_of(task) is None
        assert len(issuer.fetches) == 2


@pytest.mark.parametrize(
    ("text", "error"),
    [(FORGED, InvalidSignatureError), (token(signer("ES256")), InvalidAlgorithmError)],
    ids=["signature", "algorithm"],
)
async def test_a_flood_of_bad_signatures_causes_one_fetch_a_minute(
    issuer: Issuer, clock: Clock, text: str, error: type[Exception]
) -> None:
    async with issuer.fetched(max_age=86_400) as keys:
        await clock.advance(10)
        for _ in range(600):
            for _ in range(3):
                start_verification(keys, text)
            await clock.advance(1)
        task = start_verification(keys, text)
        await clock.advance(1)
        assert isinstance(error_of(task), error)
        assert 10 <= len(issuer.fetches) - 1 <= 11


async def test_only_the_first_bad_signature_waits(issuer: Issuer, clock: Clock) -> None:
    async with issuer.fetched() as keys:
        await clock.advance(10)
        first = start_verification(keys, FORGED)
        await settle()
        assert isinstance(error_of(first), InvalidSignatureError)
        issuer.delay = 60
        for _ in range(100):
            with pytest.raises(StopIteration):
                # `send` returns without a switch to another task.
                keys.recheck().send(None)
        assert len(issuer.fetches) == 2


async def test_a_bad_signature_waits_two_seconds_at_most(issuer: Issuer, clock: Clock) -> None:
    async with issuer.fetched() as keys:
        await clock.advance(10)
        issuer.delay = 60
        tasks = [start_verification(keys, FORGED) for _ in range(1000)]
        await clock.advance(MAX_WAIT + 0.01)
        assert all(isinstance(error_of(task), InvalidSignatureError) for task in tasks)


@pytest.mark.parametrize("failure", [http_error(500), http_error(429, retry_after=60)], ids=str)
async def test_a_bad_signature_during_an_outage_is_an_invalid_token(
    issuer: Issuer, clock: Clock, failure: Exception
) -> None:
    async with issuer.fetched() as keys:
        await clock.advance(10)
        issuer.error = failure
        for _ in range(5):
            task = start_verification(keys, FORGED)
            await settle()
            assert isinstance(error_of(task), InvalidSignatureError)
        assert len(issuer.fetches) == 2


async def test_the_refetch_follows_the_last_fetch_after_a_second(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched() as keys:
        replace_key(issuer)
        task = start_verification(keys, NEW_TOKEN)
        await clock.advance(0.9)
        assert len(issuer.fetches) == 1
        await clock.advance(0.2)
        assert error_of(task) is None


async def test_cached_verdicts_of_the_replaced_key_are_dropped(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched() as keys:
        await clock.advance(10)
        cached: TokenVerifier = CachedTokenVerifier(
            verifier(source=keys), size=10, epoch=keys.epoch, clock=lambda: NOW
        )
        old = token(OLD)
        assert (await cached.verify(old)).user_id == "user-1"
        replace_key(issuer)
        task = asyncio.ensure_future(cached.verify(NEW_TOKEN))
        await clock.advance(1)
        assert error_of(task) is None
        with pytest.raises(InvalidSignatureError):
            await cached.verify(old)


async def test_bad_signatures_do_not_slow_look_ups_down(issuer: Issuer, clock: Clock) -> None:
    async with issuer.fetched() as keys:
        await clock.advance(10)
        for _ in range(50):
            start_verification(keys, FORGED)
            await clock.advance(0.1)
        issuer.publish(OLD, signer("EdDSA", "new"))
        find = asyncio.ensure_future(keys.find("EdDSA", "new"))
        await clock.advance(0.1)
        assert [key.kid for key in find.result()] == ["new"]
