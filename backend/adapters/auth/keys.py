"""Where verification keys come from: a shared secret, or a key set that the issuer publishes.

The promise of `JwksKeys`: a known key is answered at once, whatever state the issuer is in, until
the keys are older than they may be; an unknown key makes at most one fetch a second, however many
ask; and attempts, not successes, are what counts for backing off.
"""

import asyncio
import contextlib
import logging
import math
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, Self

from backend.adapters.auth.jose.jwk import VerificationKey, secret_key
from backend.adapters.auth.jwks.fetch import FetchError
from backend.adapters.auth.jwks.key_set import KeySet, read_key_set
from backend.domain.auth import UnknownKeyError, VerifierUnavailableError
from backend.domain.diagnosis import KeySetState

MIN_INTERVAL: Final = 1.0
MAX_BACKOFF: Final = 30.0
REFRESH_AHEAD: Final = (0.75, 0.9)

_AT_ONCE: Final = 4

_log = logging.getLogger(__name__)


class KeySource(Protocol):
    """Finds the keys that may have signed a token."""

    def known(self, algorithm: str, kid: str | None, /) -> Sequence[VerificationKey]:
        """Return, or raise, what `find` would if it need not wait; else return none."""
        ...

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
        UnusableKeyError: A secret is too short, or a public key in disguise.
    """

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._keys = tuple(secret_key(secret) for secret in secrets)

    def known(self, _algorithm: str, _kid: str | None, /) -> Sequence[VerificationKey]:
        """Return every secret: HMAC tokens need not name theirs."""
        return self._keys

    async def find(self, algorithm: str, kid: str | None, /) -> Sequence[VerificationKey]:
        """Return every secret, at once."""
        return self.known(algorithm, kid)


class JwksKeys:
    """An issuer's key set: fetched, cached, refreshed behind the callers.

    It serves as an async context manager only: entered, it fetches the keys at once, without
    waiting for them, and keeps them fresh until it is left.

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
        self._keys = KeySet()
        self._generation = 0
        self._unusable = 0
        self._fetched_at: float | None = None
        self._usable_until = -math.inf
        self._attempted_at: float | None = None
        self._next_attempt_at = self._refresh_at = clock()
        self._attempts = 0
        self._succeeded = 0
        self._failures = 0
        self._error: str | None = None
        self._flight: asyncio.Task[None] | None = None
        self._door = asyncio.Semaphore()
        self._keeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._door = asyncio.Semaphore(_AT_ONCE)  # which belongs to the event loop
        self._keeper = asyncio.create_task(self._keep_fresh())
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = [task for task in (self._keeper, self._flight) if task is not None]
        self._keeper, self._usable_until = None, -math.inf
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def known(self, algorithm: str, kid: str | None, /) -> Sequence[VerificationKey]:
        """Return the keys with this id that fit the algorithm, of those that are at hand."""
        return self._keys.match(algorithm, kid) if self._clock() < self._usable_until else ()

    async def find(self, algorithm: str, kid: str | None, /) -> Sequence[VerificationKey]:
        """Return the published keys with this id that fit the algorithm.

        A token may name a key that was made after the last fetch (Better Auth makes keys at the
        first signing), so an unknown id is looked for in a key set fetched after it came in.
        """
        arrived = self._attempts
        while True:
            if found := self.known(algorithm, kid):
                return found
            if self._usable() and self._succeeded > arrived:
                raise UnknownKeyError("no such key in the issuer's key set")
            await self._attempt()

    async def check(self) -> None:
        """Tell whether tokens can be verified.

        Raises:
            VerifierUnavailableError: There are no keys, or they are too old.
        """
        if not self._usable():
            raise self._unavailable()

    def epoch(self) -> int:
        """Return a number that changes whenever an earlier verdict may no longer hold.

        While there are no keys, or they are too old, it is another one each time: what is found
        true meanwhile holds for nobody else.
        """
        if self._clock() < self._usable_until:
            return self._generation
        self._unusable -= 1
        return self._unusable

    def state(self) -> KeySetState:
        """Return what is known of the key set now."""
        now = self._clock()
        return KeySetState(
            kids=tuple(self._keys.by_kid),
            rejected=self._keys.rejected,
            age=None if self._fetched_at is None else now - self._fetched_at,
            attempted=None if self._attempted_at is None else now - self._attempted_at,
            error=self._error,
            usable=self._usable(),
        )

    def _usable(self) -> bool:
        return self._clock() < self._usable_until

    def _unavailable(self) -> VerifierUnavailableError:
        reason = "they are not kept fresh" if self._keeper is None else self._error
        pause = self._next_attempt_at - self._clock()
        return VerifierUnavailableError(
            f"the issuer's keys cannot be had: {reason or 'none was fetched yet'}",
            retry_after=max(pause, MIN_INTERVAL),
        )

    async def _attempt(self) -> None:
        """Join the fetch under way, or start one as soon as one may start."""
        if self._keeper is None:
            raise self._unavailable()
        if self._flight is None:
            pause = self._next_attempt_at - self._clock()
            if pause > 0 and self._failures:
                raise self._unavailable()
            self._flight = asyncio.create_task(self._refresh(after=pause))
        # To wait is not to await: neither is cancelled when the other one is.
        await asyncio.wait((self._flight,))
        async with self._door:  # all at once they would hold the loop up with their signatures
            await asyncio.sleep(0)

    async def _refresh(self, *, after: float) -> None:
        try:
            if after > 0:
                await self._sleep(after)
            self._attempts += 1
            number = self._attempts
            self._attempted_at = self._clock()
            self._next_attempt_at = self._attempted_at + MIN_INTERVAL
            try:
                self._adopt(read_key_set(await self._fetch()))
            except FetchError as error:
                self._fail(error)
            except Exception as error:  # noqa: BLE001 - a fetch that breaks is an outage as well
                self._fail(FetchError(type(error).__name__))
            else:
                self._succeeded = number
        finally:
            self._flight = None

    def _adopt(self, keys: KeySet) -> None:
        if not keys.keeps(self._keys):
            self._generation += 1
        if keys.rejected and keys.rejected != self._keys.rejected:
            _log.warning("unusable keys in the key set were dropped: %s", "; ".join(keys.rejected))
        if self._failures:
            _log.info("key set refreshed again, after %d failures", self._failures)
        self._keys = keys
        self._failures = 0
        self._error = None
        self._fetched_at = self._clock()
        self._usable_until = self._fetched_at + self._max_age + self._max_stale
        ahead = random.uniform(*REFRESH_AHEAD)  # noqa: S311 - spreads load, hides nothing
        self._refresh_at = self._fetched_at + self._max_age * ahead

    def _fail(self, error: FetchError) -> None:
        self._failures += 1
        self._error = str(error)
        backoff = min(MIN_INTERVAL * 2 ** min(self._failures, 10), MAX_BACKOFF)
        backoff *= random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, hides nothing
        wait = max(backoff, error.retry_after or 0.0)
        self._refresh_at = self._next_attempt_at = self._clock() + wait
        _log.warning("key set not refreshed: %s; next attempt in %.0f s", error, wait)

    async def _keep_fresh(self) -> None:
        while True:
            with contextlib.suppress(VerifierUnavailableError):
                await self._attempt()
            while (pause := self._refresh_at - self._clock()) > 0:
                await self._sleep(pause)
