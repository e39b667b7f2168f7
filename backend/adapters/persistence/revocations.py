"""Caches the revocations of a store for a few seconds, so that checks need no query."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from backend.domain.auth import VerifierUnavailableError
from backend.domain.revocation import Revocations, RevocationStore, TokenIds
from backend.domain.todo_repository import RepositoryUnavailableError

RETRY_INTERVAL: Final = 1.0  # seconds between two attempts to read while the store is down


class CachedRevocationCheck:
    """Checks tokens against a copy of all entries, which is read again before it is too old.

    Half of `max_age` after a read, the next check starts another read in the background. So checks
    wait for the store only after a quiet time, and while the store is down. The number of reads
    does not grow with the number of requests.

    Args:
        store: The entries.
        max_age: The maximum age of the copy, and the deadline of a read, in seconds.
        clock: Returns the time in seconds since the epoch.
        monotonic: Returns a time in seconds that is never set back.
    """

    def __init__(
        self,
        store: RevocationStore,
        *,
        max_age: float,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._max_age = max_age
        self._clock = clock
        self._monotonic = monotonic
        self._revocations = Revocations((), now=0)
        self._read_at = self._retry_at = float("-inf")
        self._problem = ""
        self._reading: asyncio.Task[None] | None = None

    async def is_revoked(self, token: TokenIds, /) -> bool:
        """Return whether a token is revoked; see `RevocationCheck`."""
        age = self._monotonic() - self._read_at
        if age > self._max_age / 2:
            reading = self._start_reading()
            if age > self._max_age:
                if reading is None:
                    raise self._unavailable()
                await asyncio.shield(reading)  # other requests wait for the same read
        return self._revocations.include(token)

    def _start_reading(self) -> "asyncio.Task[None] | None":
        """Return the read that is in progress, or a new read; None soon after a failure."""
        loop, reading = asyncio.get_running_loop(), self._reading
        if reading is not None and not reading.done() and reading.get_loop() is loop:
            return reading
        if self._monotonic() < self._retry_at:
            return None
        self._reading = loop.create_task(self._read())
        self._reading.add_done_callback(_retrieve_error)
        return self._reading

    async def _read(self) -> None:
        started = self._monotonic()
        try:
            async with asyncio.timeout(self._max_age):
                entries = await self._store.list()
        except (RepositoryUnavailableError, TimeoutError) as error:
            self._problem = str(error) or f"no answer within {self._max_age:g} s"
            self._retry_at = self._monotonic() + RETRY_INTERVAL
            raise self._unavailable() from error
        self._revocations = Revocations(entries, now=self._clock())
        self._read_at = started

    def _unavailable(self) -> VerifierUnavailableError:
        return VerifierUnavailableError(
            f"the revocations cannot be read: {self._problem}", retry_after=RETRY_INTERVAL
        )


def _retrieve_error(reading: "asyncio.Task[None]") -> None:
    """Read the error of a task: asyncio would log an error that no request has waited for."""
    if not reading.cancelled():
        reading.exception()
