"""Where verification keys come from: a shared secret, or a key set that the issuer publishes.

The promise of `JwksKeys`: a known key is answered at once, whatever state the issuer is in, until
the keys are older than they may be; an unknown key makes at most one fetch a second, however many
ask; and attempts, not successes, are what counts for backing off.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, Self

from backend.adapters.auth.fetch import FetchError
from backend.adapters.auth.jwk import UnusableKeyError, VerificationKey, public_key, secret_key
from backend.adapters.auth.jws import load_object
from backend.domain.auth import (
    InvalidAlgorithmError,
    MalformedTokenError,
    UnknownKeyError,
    VerifierUnavailableError,
)

MIN_INTERVAL: Final = 1.0
MAX_BACKOFF: Final = 30.0
MAX_KEYS: Final = 100
REFRESH_AHEAD: Final = (0.75, 0.9)

_log = logging.getLogger(__name__)


class KeySource(Protocol):
    """Finds the keys that may have signed a token."""

    async def find(self, algorithm: str, kid: str | None, /) -> Sequence[VerificationKey]:
        """Return the keys to try: at least one, all of which fit the algorithm.

        Args:
            algorithm: The token's `alg`. Untrusted.
            kid: The token's `kid`. Untrusted.

        Raises:
            InvalidAlgorithmError: The key that is named is not one for this algorithm.
            UnknownKeyError: There is no such key.
            VerifierUnavailableError: It cannot be told whether there is one.
        """
        ...


class SecretKeys:
    """The shared secret, and the ones before it.

    Args:
        secrets: The secrets' bytes, the current one first.

    Raises:
        UnusableKeyError: A secret is a public key in disguise.
    """

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._keys = tuple(secret_key(secret) for secret in secrets)

    async def find(self, _algorithm: str, _kid: str | None, /) -> Sequence[VerificationKey]:
        """Return every secret: HMAC tokens need not name theirs."""
        return self._keys


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySetState:
    """What is known of the key set, for readiness, metrics and the operator.

    Attributes:
        kids: The ids of the keys that are usable.
        rejected: Why each unusable member of the set was dropped.
        age: Seconds since the last good fetch; None before the first.
        attempted: Seconds since the last attempt; None before the first.
        error: What went wrong at the last attempt; None if nothing did.
        usable: Whether tokens can be verified now.
    """

    kids: tuple[str, ...]
    rejected: tuple[str, ...]
    age: float | None
    attempted: float | None
    error: str | None
    usable: bool


class JwksKeys:
    """An issuer's key set (RFC 7517, section 5): fetched, cached, refreshed behind the callers.

    As an async context manager it fetches the keys at once, without waiting for them, and keeps
    them fresh until it is left.

    Args:
        fetch: Returns the key set's bytes or raises `FetchError`.
        max_age: Seconds after which the keys count as old; they are refreshed ahead of it.
        max_stale: Seconds past `max_age` for which they serve while the issuer fails.
        clock: Seconds that only ever go forward.
        sleep: Waits for so many seconds of that clock.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[bytes]],
        *,
        max_age: float = 300.0,
        max_stale: float = 3600.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._fetch = fetch
        self._max_age = max_age
        self._max_stale = max_stale
        self._clock = clock
        self._sleep = sleep
        self._keys: dict[str, tuple[VerificationKey, ...]] = {}
        self._rejected: tuple[str, ...] = ()
        self._generation = 0
        self._fetched_at: float | None = None
        self._attempted_at: float | None = None
        self._next_attempt_at = 0.0
        self._attempts = 0
        self._succeeded = 0
        self._failures = 0
        self._error: str | None = None
        self._flight: asyncio.Task[None] | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._keeper = asyncio.create_task(self._keep_fresh())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in (self._keeper, self._flight):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def find(self, algorithm: str, kid: str | None, /) -> Sequence[VerificationKey]:
        """Return the published keys with this id that fit the algorithm.

        A token may name a key that was made after the last fetch (Better Auth makes keys at the
        first signing), so an unknown id is looked for in a key set fetched after it came in.
        """
        arrived = self._attempts
        while True:
            if self._usable():
                found = self._match(algorithm, kid)
                if found:
                    return found
                if self._succeeded > arrived:
                    raise UnknownKeyError("no such key in the issuer's key set")
            await self._attempt()

    async def check(self) -> None:
        """Tell whether tokens can be verified.

        Raises:
            VerifierUnavailableError: There are no keys, or they are too old.
        """
        if not self._usable():
            raise VerifierUnavailableError(f"no keys that may be used: {self._error}")

    def epoch(self) -> int:
        """Return a number that changes whenever an earlier verdict may no longer hold."""
        return self._generation if self._usable() else -1

    def state(self) -> KeySetState:
        """Return what is known of the key set now."""
        now = self._clock()
        return KeySetState(
            kids=tuple(self._keys),
            rejected=self._rejected,
            age=None if self._fetched_at is None else now - self._fetched_at,
            attempted=None if self._attempted_at is None else now - self._attempted_at,
            error=self._error,
            usable=self._usable(),
        )

    def _usable(self) -> bool:
        return (
            self._fetched_at is not None
            and self._clock() - self._fetched_at < self._max_age + self._max_stale
        )

    def _match(self, algorithm: str, kid: str | None) -> Sequence[VerificationKey]:
        if kid is None:
            fitting = [
                key for keys in self._keys.values() for key in keys if algorithm in key.algorithms
            ]
            if len(fitting) > 1:
                raise UnknownKeyError("names no key, and more than one fits")
            return fitting
        named = self._keys.get(kid, ())
        fitting = [key for key in named if algorithm in key.algorithms]
        if named and not fitting:
            raise InvalidAlgorithmError("the key that is named is not one for this algorithm")
        return fitting

    async def _attempt(self) -> None:
        """Join the fetch under way, or start one as soon as one may start."""
        if self._flight is None:
            pause = self._next_attempt_at - self._clock()
            if pause > 0 and self._failures:
                raise VerifierUnavailableError(
                    f"the issuer's keys cannot be fetched: {self._error}", retry_after=pause
                )
            self._flight = asyncio.create_task(self._refresh(after=pause))
        await asyncio.shield(self._flight)
        if self._failures:
            raise VerifierUnavailableError(
                f"the issuer's keys cannot be fetched: {self._error}",
                retry_after=max(self._next_attempt_at - self._clock(), MIN_INTERVAL),
            )

    async def _refresh(self, *, after: float = 0.0) -> None:
        try:
            if after > 0:
                await self._sleep(after)
            self._attempts += 1
            number = self._attempts
            self._attempted_at = self._clock()
            self._next_attempt_at = self._attempted_at + MIN_INTERVAL
            try:
                self._adopt(*parse_key_set(await self._fetch()))
            except FetchError as error:
                self._failures += 1
                self._error = str(error)
                backoff = min(MIN_INTERVAL * 2 ** min(self._failures, 10), MAX_BACKOFF)
                backoff *= random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, hides nothing
                wait = max(backoff, error.retry_after or 0.0, MIN_INTERVAL)
                self._next_attempt_at = self._clock() + wait
                _log.warning("key set not refreshed: %s; next attempt in %.0f s", error, wait)
            else:
                self._failures = 0
                self._error = None
                self._succeeded = number
        finally:
            self._flight = None

    def _adopt(self, keys: Sequence[VerificationKey], rejected: tuple[str, ...]) -> None:
        by_kid: dict[str, tuple[VerificationKey, ...]] = {}
        for key in keys:
            by_kid[key.kid or ""] = (*by_kid.get(key.kid or "", ()), key)
        if any(by_kid.get(kid) != known for kid, known in self._keys.items()):
            self._generation += 1
        if rejected and rejected != self._rejected:
            _log.warning("unusable keys in the key set were dropped: %s", "; ".join(rejected))
        self._keys = by_kid
        self._rejected = rejected
        self._fetched_at = self._clock()

    async def _keep_fresh(self) -> None:
        while True:
            with contextlib.suppress(VerifierUnavailableError):
                await self._attempt()
            if self._failures or self._fetched_at is None:
                due = self._next_attempt_at
            else:
                ahead = random.uniform(*REFRESH_AHEAD)  # noqa: S311 - spreads load, hides nothing
                due = self._fetched_at + self._max_age * ahead
            await self._sleep(max(due - self._clock(), MIN_INTERVAL))


def parse_key_set(document: bytes) -> tuple[Sequence[VerificationKey], tuple[str, ...]]:
    """Read a key set; one unusable key costs itself only.

    Args:
        document: The bytes that the issuer sent. Untrusted.

    Returns:
        The usable keys, and why each of the others was dropped.

    Raises:
        FetchError: Not a key set, or none of its keys is usable.
    """
    try:
        members = load_object(document).get("keys")
    except MalformedTokenError as error:
        raise FetchError(f"not a key set: {error}") from None
    if not isinstance(members, list) or len(members) > MAX_KEYS:
        raise FetchError(f"not a key set: keys is not a list of at most {MAX_KEYS}")
    keys, rejected = [], []
    for place, member in enumerate(members):
        try:
            keys.append(public_key(member))
        except UnusableKeyError as error:
            rejected.append(f"key {place}: {error}")
    if members and not keys:
        raise FetchError("no usable key in the key set: " + "; ".join(rejected))
    return keys, tuple(rejected)
