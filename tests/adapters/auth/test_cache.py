"""The cache of verified tokens: its entries, and their lifetime."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from backend.adapters.auth.cache import CachedTokenVerifier
from backend.domain.auth import (
    AuthError,
    ExpiredTokenError,
    InvalidTokenError,
    Principal,
    UnknownKeyError,
    VerifierUnavailableError,
)
from backend.testing.signers import signer
from tests.adapters.auth.clock import Clock, settle
from tests.adapters.auth.issuer import Issuer
from tests.adapters.auth.memory import texts_kept_by
from tests.adapters.auth.tokens import NOW, token
from tests.adapters.auth.verifiers import verifier

pytestmark = pytest.mark.anyio


class RecordingVerifier:
    """A verifier that records the tokens and accepts them, unless `error` is set.

    Attributes:
        tokens: The tokens that were verified, in order.
        error: The error to raise, if any.
        expires_at: The expiry of the principals.
        before_result: Called before each result.
    """

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.error: Exception | None = None
        self.expires_at: float = NOW + 100
        self.before_result: Callable[[], Awaitable[None]] | None = None

    async def verify(self, token: str, /) -> Principal:
        self.tokens.append(token)
        if self.before_result is not None:
            await self.before_result()
        if self.error is not None:
            raise self.error
        return Principal(user_id=token, expires_at=self.expires_at)


class Epoch:
    """An epoch that a test can change."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def inner() -> RecordingVerifier:
    return RecordingVerifier()


@pytest.fixture
def epoch() -> Epoch:
    return Epoch()


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def cached(inner: RecordingVerifier, epoch: Epoch, clock: Clock) -> CachedTokenVerifier:
    return CachedTokenVerifier(inner, size=3, epoch=epoch, clock=clock)


async def test_verifies_a_valid_token_only_once(
    cached: CachedTokenVerifier, inner: RecordingVerifier
) -> None:
    first = await cached.verify("a")
    assert await cached.verify("a") is first
    assert first.user_id == "a"
    assert inner.tokens == ["a"]


async def test_does_not_confuse_tokens(cached: CachedTokenVerifier) -> None:
    # CVE-2026-35039: colliding cache keys returned the claims of another user.
    texts = ["a", "a ", "A", "a\x00", "", "\ud800", "\udc00", "?"]
    for _ in range(2):
        assert [(await cached.verify(text)).user_id for text in texts] == texts


async def test_does_not_confuse_tokens_with_the_same_bytes(cached: CachedTokenVerifier) -> None:
    narrow, wide = "opaque-token-of-20ch", b"opaque-token-of-20ch".decode("utf-16")
    assert hash(narrow) == hash(wide)  # with every hash key: the width of the characters is ignored
    for text in (narrow, wide, narrow):
        assert (await cached.verify(text)).user_id == text


async def test_does_not_confuse_tokens_with_the_same_ending(
    cached: CachedTokenVerifier, inner: RecordingVerifier
) -> None:
    ending = "." + "s" * 86
    for text in ("a" + ending, "b" + ending, "a" + ending):
        assert (await cached.verify(text)).user_id == text
    assert (await cached.verify("a" + ending)).user_id == "a" + ending
    assert inner.tokens == ["a" + ending, "b" + ending, "a" + ending]


async def test_evicts_the_oldest_token_when_full(
    cached: CachedTokenVerifier, inner: RecordingVerifier
) -> None:
    for text in "abcd":
        await cached.verify(text)
    for text in "bcd":
        await cached.verify(text)
    assert inner.tokens == [*"abcd"]
    await cached.verify("a")
    assert inner.tokens == [*"abcda"]


async def test_never_holds_more_tokens_than_its_size(
    cached: CachedTokenVerifier,
) -> None:
    for number in range(10_000):
        await cached.verify(str(number))
    assert sorted(texts_kept_by(cached)) == ["9997", "9998", "9999"]


async def test_a_size_of_zero_caches_nothing(inner: RecordingVerifier, epoch: Epoch) -> None:
    cached = CachedTokenVerifier(inner, size=0, epoch=epoch, clock=lambda: NOW)
    await cached.verify("a")
    await cached.verify("a")
    assert inner.tokens == ["a", "a"]


@pytest.mark.parametrize("expires_at", [NOW + 100, NOW + 100.5])
async def test_verifies_again_when_the_token_has_expired(
    cached: CachedTokenVerifier, inner: RecordingVerifier, clock: Clock, expires_at: float
) -> None:
    inner.expires_at = expires_at
    await cached.verify("a")
    clock.now = expires_at - 0.001
    await cached.verify("a")
    assert inner.tokens == ["a"]
    clock.now = expires_at
    inner.error = ExpiredTokenError()
    with pytest.raises(ExpiredTokenError):
        await cached.verify("a")
    assert inner.tokens == ["a", "a"]


async def test_a_token_within_the_leeway_is_verified_each_time_and_takes_one_entry(
    cached: CachedTokenVerifier, inner: RecordingVerifier
) -> None:
    for text in "abc":
        await cached.verify(text)
    inner.expires_at = NOW
    for _ in range(5):
        await cached.verify("d")
    for text in "bc":
        await cached.verify(text)
    assert inner.tokens == [*"abcddddd"]


@pytest.mark.parametrize("error", [InvalidTokenError(), VerifierUnavailableError("down")])
async def test_does_not_cache_rejections(
    cached: CachedTokenVerifier, inner: RecordingVerifier, error: Exception
) -> None:
    inner.error = error
    for _ in range(2):
        with pytest.raises(type(error)):
            await cached.verify("a")
    inner.error = None
    assert (await cached.verify("a")).user_id == "a"
    assert inner.tokens == ["a", "a", "a"]


async def test_is_emptied_when_the_epoch_changes(
    cached: CachedTokenVerifier, inner: RecordingVerifier, epoch: Epoch
) -> None:
    for text in "abc":
        await cached.verify(text)
    epoch.now = 1
    for text in "abc":
        await cached.verify(text)
    assert inner.tokens == [*"abcabc"]
    epoch.now = 0  # does not happen in practice; earlier results must not come back
    await cached.verify("a")
    assert inner.tokens == [*"abcabca"]


async def test_does_not_cache_a_result_if_the_epoch_changed_meanwhile(
    cached: CachedTokenVerifier, inner: RecordingVerifier, epoch: Epoch
) -> None:
    async def change_epoch() -> None:
        epoch.now += 1

    inner.before_result = change_epoch
    await cached.verify("a")
    inner.before_result = None
    await cached.verify("a")
    assert inner.tokens == ["a", "a"]


async def test_does_not_cache_a_result_if_another_call_saw_a_new_epoch(
    cached: CachedTokenVerifier, inner: RecordingVerifier, epoch: Epoch
) -> None:
    released = asyncio.Event()

    async def wait() -> None:
        await released.wait()

    inner.before_result = wait
    verifying = asyncio.ensure_future(cached.verify("a"))
    await settle()
    inner.before_result = None
    epoch.now = 1
    await cached.verify("b")
    released.set()
    await verifying
    await cached.verify("a")
    assert inner.tokens == ["a", "b", "a"]


async def test_does_not_cache_a_result_for_an_epoch_that_returns(
    cached: CachedTokenVerifier, inner: RecordingVerifier, epoch: Epoch
) -> None:
    # While the keys are stale, the epoch has another value.
    stale, usable = -1, 0

    async def refresh() -> None:
        epoch.now = usable

    epoch.now = stale
    inner.before_result = refresh
    await cached.verify("a")
    epoch.now = stale
    await cached.verify("a")
    assert inner.tokens == ["a", "a"]


async def test_caches_again_after_the_epoch_changed(
    cached: CachedTokenVerifier, inner: RecordingVerifier, epoch: Epoch
) -> None:
    for text in "abc":
        await cached.verify(text)
    epoch.now = 1
    for text in "defgefg":
        await cached.verify(text)
    assert inner.tokens == [*"abcdefg"]


async def test_does_not_cache_a_result_if_the_epoch_changed_and_returned(
    cached: CachedTokenVerifier, inner: RecordingVerifier, epoch: Epoch
) -> None:
    async def become_stale_and_recover() -> None:
        inner.before_result = None
        epoch.now = -1
        await cached.verify("b")
        epoch.now = 0

    inner.before_result = become_stale_and_recover
    await cached.verify("a")
    epoch.now = -1
    await cached.verify("a")
    assert inner.tokens == ["a", "b", "a"]


async def test_concurrent_misses_each_get_their_result(
    cached: CachedTokenVerifier, inner: RecordingVerifier
) -> None:
    inner.before_result = settle
    principals = await asyncio.gather(*(cached.verify(text) for text in "aabbccdd" * 5))
    assert [principal.user_id for principal in principals] == [*"aabbccdd" * 5]
    inner.tokens.clear()
    for text in "bcd":
        await cached.verify(text)
    assert inner.tokens == []


async def test_keeps_no_part_of_a_token_in_memory(
    inner: RecordingVerifier, epoch: Epoch, clock: Clock
) -> None:
    text = token()
    cached = CachedTokenVerifier(verifier(clock=clock), size=10, epoch=epoch, clock=clock)
    await cached.verify(text)
    kept = [*texts_kept_by(cached), repr(cached), str(vars(cached))]
    assert "alice@example.com" in kept
    for segment in text.split("."):
        assert not any(segment in value for value in kept)


async def test_rejects_a_cached_token_when_its_key_is_withdrawn() -> None:
    clock = Clock(NOW)
    issuer = Issuer(clock, signer("EdDSA", "1"), signer("EdDSA", "2"))
    async with issuer.fetched(max_age=300) as keys:
        inner = verifier(source=keys, clock=lambda: NOW)
        cached = CachedTokenVerifier(inner, size=10, epoch=keys.epoch, clock=lambda: NOW)
        text = token(signer("EdDSA", "1"))
        await cached.verify(text)
        issuer.publish(signer("EdDSA", "2"))
        await cached.verify(text)  # the keys were not refreshed yet
        await clock.advance(300)
        verifying = asyncio.ensure_future(cached.verify(text))
        await clock.advance(2)
        assert isinstance(verifying.exception(), UnknownKeyError)


async def test_does_not_accept_a_cached_token_when_the_keys_are_stale() -> None:
    clock = Clock(NOW)
    issuer = Issuer(clock)
    async with issuer.fetched(max_age=300, max_stale=300) as keys:
        inner = verifier(source=keys, clock=lambda: NOW)
        cached = CachedTokenVerifier(inner, size=10, epoch=keys.epoch, clock=lambda: NOW)
        text = token()
        await cached.verify(text)
        issuer.error = OSError()
        await clock.advance(599)
        await cached.verify(text)
        await clock.advance(1)
        verifying = asyncio.ensure_future(cached.verify(text))
        await clock.advance(1)
        error = verifying.exception()
        assert isinstance(error, VerifierUnavailableError)
        assert not isinstance(error, AuthError)
        issuer.error = None
        await clock.advance(31)
        await cached.verify(text)
