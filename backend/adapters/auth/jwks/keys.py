"""The keys that an issuer publishes: fetched, cached, refreshed in the background.

Known keys are returned without waiting until they are too old, even if the issuer is down.
An unknown key id causes a fetch, and a bad signature may cause a fetch. The schedule and the
refresher limit the number of fetches, even for many callers.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Self

from backend.adapters.auth.jose.jwk import VerificationKey
from backend.adapters.auth.jwks.fetches import KeySetFetches
from backend.adapters.auth.jwks.key_set import KeySet
from backend.adapters.auth.jwks.refresher import KeySetRefresher
from backend.adapters.auth.jwks.schedule import RefreshSchedule
from backend.domain.auth import UnknownKeyError
from backend.domain.diagnosis import KeySetState

_log = logging.getLogger(__name__)


class JwksKeys:
    """A key source over an issuer's key set.

    The source works only as an async context manager. Entering starts the first fetch without
    waiting for the result; the keys stay fresh until the context is left.

    Args:
        fetch: Returns the key set's bytes or raises `FetchError`.
        source: Names the issuer in log messages, for example by its JWKS URL.
        max_age: Seconds after which keys are old; they are refreshed before.
        max_stale: Seconds past `max_age` for which keys stay usable while the issuer fails.
        workers: The number of processes of this server that fetch the key set.
        clock: Monotonic time in seconds.
        sleep: Waits for some seconds of that clock.
    """

    def __init__(  # noqa: PLR0913 - the settings, and what a test replaces
        self,
        fetch: Callable[[], Awaitable[bytes]],
        *,
        source: str = "the issuer",
        max_age: float = 300.0,
        max_stale: float = 3600.0,
        workers: int = 1,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._source = source
        self._lifetime = max_age + max_stale
        self._clock = clock
        self._keys = KeySet()
        self._fetched_at: float | None = None
        self._usable_until = -math.inf
        self._epoch = 0
        self._unusable_epoch = 0
        self._changes = 0
        schedule = RefreshSchedule(max_age, workers=workers)
        self._fetches = KeySetFetches(
            fetch, self._adopt, schedule=schedule, source=source, clock=clock, sleep=sleep
        )
        self._refresher = KeySetRefresher(
            self._fetches, schedule=schedule, clock=clock, sleep=sleep
        )

    async def __aenter__(self) -> Self:
        self._refresher.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._usable_until = -math.inf
        await self._refresher.stop()

    def known(self, algorithm: str, kid: str | None, /) -> Sequence[VerificationKey]:
        """Return the cached keys with this id that fit the algorithm, without waiting."""
        return self._keys.match(algorithm, kid) if self._clock() < self._usable_until else ()

    async def find(self, algorithm: str, kid: str | None, /) -> Sequence[VerificationKey]:
        """Return the published keys with this id that fit the algorithm.

        A token may name a key that is newer than the last fetch, because Better Auth creates keys
        when it first signs. So an unknown id is rejected only by a key set that was fetched after
        the call.
        """
        started = self._fetches.started

        def is_answered() -> bool:
            is_new = self._fetches.succeeded > started
            return bool(self.known(algorithm, kid)) or (is_new and self._usable())

        if not self.known(algorithm, kid):
            await self._refresher.wait_until(is_answered)
        if keys := self.known(algorithm, kid):
            return keys
        raise UnknownKeyError("the issuer's key set has no such key")

    async def recheck(self) -> bool:
        """Fetch the keys because a signature is bad, at most once a minute; wait 2 s at most.

        Returns:
            Whether the keys have changed.
        """
        changes = self._changes
        await self._refresher.recheck()
        return self._changes != changes

    async def check(self) -> None:
        """Check that tokens can be verified. Wait for the first fetch if that fetch is in progress.

        Raises:
            VerifierUnavailableError: There are no keys, or they are too old.
        """
        if self._fetched_at is None:
            await self._refresher.finish_first_fetch()
        if not self._usable():
            raise self._refresher.unavailable()

    def epoch(self) -> int:
        """Return a number that changes when an earlier verification may no longer be valid.

        While there are no usable keys, each call returns another number, so that no result is
        reused.
        """
        if self._clock() < self._usable_until:
            return self._epoch
        self._unusable_epoch -= 1
        return self._unusable_epoch

    def state(self) -> KeySetState:
        """Return the state of the key set now."""
        now, started_at = self._clock(), self._fetches.started_at
        error = self._fetches.error
        return KeySetState(
            kids=tuple(kid or "" for kid in self._keys.by_kid),
            rejected=self._keys.rejected,
            age=None if self._fetched_at is None else now - self._fetched_at,
            attempted=None if started_at is None else now - started_at,
            error=None if error is None else str(error),
            usable=self._usable(),
            fetches=self._fetches.results,
        )

    def _usable(self) -> bool:
        return self._clock() < self._usable_until

    def _adopt(self, keys: KeySet) -> bool:
        changed = not keys.equals(self._keys)
        if changed:
            self._changes += 1
            _log.info(
                "the key set from %s has changed: %s", self._source, self._keys.changes_to(keys)
            )
        if not keys.includes(self._keys):
            self._epoch += 1
        if keys.rejected and keys.rejected != self._keys.rejected:
            _log.warning("ignoring unusable keys in the key set: %s", keys.rejections())
        self._keys = keys
        self._fetched_at = self._clock()
        self._usable_until = self._fetched_at + self._lifetime
        return changed
