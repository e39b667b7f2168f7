"""What is remembered of verified tokens, and for how long."""

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
from tests.adapters.auth.clock import Clock, settle
from tests.adapters.auth.issuer import Issuer
from tests.adapters.auth.memory import texts_kept_by
from tests.adapters.auth.tokens import NOW, signer, token
from tests.adapters.auth.verifiers import verifier

pytestmark = pytest.mark.anyio


class Asked:
    """A verifier that counts how often it is asked, and says what it is told to."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.error: Exception | None = None
        self.end: float = NOW + 100
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def verify(self, token: str, /) -> Principal:
        self.tokens.append(token)
        if self.meanwhile is not None:
            await self.meanwhile()
        if self.error is not None:
            raise self.error
        return Principal(user_id=token, expires_at=self.end)


class Epoch:
    """A number that a test changes."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def epoch() -> Epoch:
    return Epoch()


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def cached(asked: Asked, epoch: Epoch, clock: Clock) -> CachedTokenVerifier:
    return CachedTokenVerifier(asked, size=3, epoch=epoch, clock=clock)


async def test_asks_once_about_a_good_token(cached: CachedTokenVerifier, asked: Asked) -> None:
    first = await cached.verify("a")
    assert await cached.verify("a") is first
    assert first.user_id == "a"
    assert asked.tokens == ["a"]


async def test_takes_no_token_for_another(cached: CachedTokenVerifier) -> None:
    # CVE-2026-35039: a cache whose keys collide hands out someone else's claims.
    texts = ["a", "a ", "A", "a\x00", "", "\ud800", "\udc00", "?"]
    for _ in range(2):
        assert [(await cached.verify(text)).user_id for text in texts] == texts


async def test_takes_no_token_for_another_of_the_same_bytes(cached: CachedTokenVerifier) -> None:
    narrow, wide = "opaque-token-of-20ch", b"opaque-token-of-20ch".decode("utf-16")
    assert hash(narrow) == hash(wide)  # with every key: how wide characters are is left out
    for text in (narrow, wide, narrow):
        assert (await cached.verify(text)).user_id == text


async def test_takes_no_token_for_another_that_ends_alike(
    cached: CachedTokenVerifier, asked: Asked
) -> None:
    end = "." + "s" * 86
    for text in ("a" + end, "b" + end, "a" + end):
        assert (await cached.verify(text)).user_id == text
    assert (await cached.verify("a" + end)).user_id == "a" + end
    assert asked.tokens == ["a" + end, "b" + end, "a" + end]


async def test_remembers_so_many_and_forgets_the_oldest(
    cached: CachedTokenVerifier, asked: Asked
) -> None:
    for text in "abcd":
        await cached.verify(text)
    for text in "bcd":
        await cached.verify(text)
    assert asked.tokens == [*"abcd"]
    await cached.verify("a")
    assert asked.tokens == [*"abcda"]


async def test_ten_thousand_tokens_take_no_more_room_than_the_size(
    cached: CachedTokenVerifier,
) -> None:
    for number in range(10_000):
        await cached.verify(str(number))
    assert sorted(texts_kept_by(cached)) == ["9997", "9998", "9999"]


async def test_can_be_so_small_that_it_remembers_nothing(asked: Asked, epoch: Epoch) -> None:
    cached = CachedTokenVerifier(asked, size=0, epoch=epoch, clock=lambda: NOW)
    await cached.verify("a")
    await cached.verify("a")
    assert asked.tokens == ["a", "a"]


@pytest.mark.parametrize("end", [NOW + 100, NOW + 100.5])
async def test_asks_again_at_the_moment_that_a_token_ends(
    cached: CachedTokenVerifier, asked: Asked, clock: Clock, end: float
) -> None:
    asked.end = end
    await cached.verify("a")
    clock.now = end - 0.001
    await cached.verify("a")
    assert asked.tokens == ["a"]
    clock.now = end
    asked.error = ExpiredTokenError()
    with pytest.raises(ExpiredTokenError):
        await cached.verify("a")
    assert asked.tokens == ["a", "a"]


async def test_a_token_that_lives_by_the_leeway_alone_is_verified_each_time_and_has_one_place(
    cached: CachedTokenVerifier, asked: Asked
) -> None:
    for text in "abc":
        await cached.verify(text)
    asked.end = NOW
    for _ in range(5):
        await cached.verify("d")
    for text in "bc":
        await cached.verify(text)
    assert asked.tokens == [*"abcddddd"]


@pytest.mark.parametrize("error", [InvalidTokenError(), VerifierUnavailableError("down")])
async def test_a_refusal_is_not_remembered(
    cached: CachedTokenVerifier, asked: Asked, error: Exception
) -> None:
    asked.error = error
    for _ in range(2):
        with pytest.raises(type(error)):
            await cached.verify("a")
    asked.error = None
    assert (await cached.verify("a")).user_id == "a"
    assert asked.tokens == ["a", "a", "a"]


async def test_forgets_everything_when_the_epoch_changes(
    cached: CachedTokenVerifier, asked: Asked, epoch: Epoch
) -> None:
    for text in "abc":
        await cached.verify(text)
    epoch.now = 1
    for text in "abc":
        await cached.verify(text)
    assert asked.tokens == [*"abcabc"]
    epoch.now = 0  # never seen in practice, and no verdict of an earlier epoch comes back
    await cached.verify("a")
    assert asked.tokens == [*"abcabca"]


async def test_a_verdict_that_an_epoch_overtook_is_not_remembered(
    cached: CachedTokenVerifier, asked: Asked, epoch: Epoch
) -> None:
    async def change() -> None:
        epoch.now += 1

    asked.meanwhile = change
    await cached.verify("a")
    asked.meanwhile = None
    await cached.verify("a")
    assert asked.tokens == ["a", "a"]


async def test_a_verdict_is_not_remembered_in_a_later_epoch_that_another_call_began(
    cached: CachedTokenVerifier, asked: Asked, epoch: Epoch
) -> None:
    slow = asyncio.Event()

    async def wait() -> None:
        await slow.wait()

    asked.meanwhile = wait
    verifying = asyncio.ensure_future(cached.verify("a"))
    await settle()
    asked.meanwhile = None
    epoch.now = 1
    await cached.verify("b")
    slow.set()
    await verifying
    await cached.verify("a")
    assert asked.tokens == ["a", "b", "a"]


async def test_a_verdict_is_not_remembered_for_an_epoch_that_comes_back(
    cached: CachedTokenVerifier, asked: Asked, epoch: Epoch
) -> None:
    # The keys of a key set that cannot be refreshed become too old, all in the same epoch.
    too_old, usable = -1, 0

    async def refresh() -> None:
        epoch.now = usable

    epoch.now = too_old
    asked.meanwhile = refresh
    await cached.verify("a")
    epoch.now = too_old
    await cached.verify("a")
    assert asked.tokens == ["a", "a"]


async def test_remembers_as_before_after_the_keys_changed(
    cached: CachedTokenVerifier, asked: Asked, epoch: Epoch
) -> None:
    for text in "abc":
        await cached.verify(text)
    epoch.now = 1
    for text in "defgefg":
        await cached.verify(text)
    assert asked.tokens == [*"abcdefg"]


async def test_a_verdict_is_not_remembered_for_an_epoch_that_came_and_went(
    cached: CachedTokenVerifier, asked: Asked, epoch: Epoch
) -> None:
    async def become_too_old_and_recover() -> None:
        asked.meanwhile = None
        epoch.now = -1
        await cached.verify("b")
        epoch.now = 0

    asked.meanwhile = become_too_old_and_recover
    await cached.verify("a")
    epoch.now = -1
    await cached.verify("a")
    assert asked.tokens == ["a", "b", "a"]


async def test_misses_at_the_same_time_all_get_their_answer(
    cached: CachedTokenVerifier, asked: Asked
) -> None:
    asked.meanwhile = settle
    principals = await asyncio.gather(*(cached.verify(text) for text in "aabbccdd" * 5))
    assert [principal.user_id for principal in principals] == [*"aabbccdd" * 5]
    asked.tokens.clear()
    for text in "bcd":
        await cached.verify(text)
    assert asked.tokens == []


async def test_keeps_no_text_of_a_token(asked: Asked, epoch: Epoch, clock: Clock) -> None:
    text = token()
    cached = CachedTokenVerifier(verifier(clock=clock), size=10, epoch=epoch, clock=clock)
    await cached.verify(text)
    kept = [*texts_kept_by(cached), repr(cached), str(vars(cached))]
    assert "alice@example.com" in kept
    for segment in text.split("."):
        assert not any(segment in one for one in kept)


async def test_a_remembered_token_is_refused_once_its_key_is_withdrawn() -> None:
    clock = Clock(NOW)
    issuer = Issuer(clock, signer("EdDSA", "1"), signer("EdDSA", "2"))
    async with issuer.fetched(max_age=300) as keys:
        inner = verifier(source=keys, clock=lambda: NOW)
        cached = CachedTokenVerifier(inner, size=10, epoch=keys.epoch, clock=lambda: NOW)
        text = token(signer("EdDSA", "1"))
        await cached.verify(text)
        issuer.publish(signer("EdDSA", "2"))
        await cached.verify(text)  # nobody can know yet
        await clock.advance(300)
        verifying = asyncio.ensure_future(cached.verify(text))
        await clock.advance(2)
        assert isinstance(verifying.exception(), UnknownKeyError)


async def test_a_remembered_token_is_not_accepted_by_keys_that_are_too_old() -> None:
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
