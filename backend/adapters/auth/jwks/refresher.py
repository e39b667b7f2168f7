"""Fetches a key set again and again: in the background, and when a caller asks.

One fetch runs at a time, however many callers wait for it. The schedule decides about the pauses.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from backend.adapters.auth.jwks.key_set import KeySet, read_key_set
from backend.adapters.auth.jwks.schedule import MIN_INTERVAL, RefreshSchedule
from backend.domain.auth import VerifierUnavailableError

_RESUMED_AT_ONCE: Final = 4

_log = logging.getLogger(__name__)


class KeySetRefresher:
    """Keeps a key set fresh between `start` and `stop`.

    Args:
        fetch: Returns the key set's bytes or raises `FetchError`.
        adopt: Receives each key set that was fetched.
        schedule: Decides when to fetch.
        source: Names the issuer in log messages.
        clock: Monotonic time in seconds.
        sleep: Waits for some seconds of that clock.

    Attributes:
        attempts: How many fetches have started.
        succeeded: The number of the last attempt that succeeded; 0 before.
        attempted_at: When the last attempt started; None before the first.
        error: Why the last attempt failed; None if it succeeded.
    """

    def __init__(  # noqa: PLR0913 - everything that a test replaces
        self,
        fetch: Callable[[], Awaitable[bytes]],
        adopt: Callable[[KeySet], None],
        *,
        schedule: RefreshSchedule,
        source: str,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._fetch = fetch
        self._adopt = adopt
        self._schedule = schedule
        self._source = source
        self._clock = clock
        self._sleep = sleep
        self._background: asyncio.Task[None] | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._resuming = asyncio.Semaphore()
        self.attempts = 0
        self.succeeded = 0
        self.attempted_at: float | None = None
        self.error: FetchError | None = None

    def start(self) -> None:
        """Start to fetch, without waiting for the first key set."""
        self._resuming = asyncio.Semaphore(_RESUMED_AT_ONCE)  # bound to the running event loop
        self._background = asyncio.create_task(self._keep_fresh())

    async def finish_first_fetch(self) -> None:
        """Wait for the first fetch if it is in progress."""
        if self._attempt is not None and self.attempts <= 1:
            await asyncio.wait((self._attempt,))

    async def stop(self) -> None:
        """Cancel the background task and the fetch in progress."""
        tasks = [task for task in (self._background, self._attempt) if task and not task.done()]
        self._background = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def refresh(self) -> None:
        """Wait for the fetch in progress, or start the next as soon as the schedule allows.

        Raises:
            VerifierUnavailableError: The schedule backs off, or the refresher is not running.
        """
        if self._background is None:
            raise self.unavailable()
        if self._attempt is None or self._attempt.done():
            now = self._clock()
            if self._schedule.is_backing_off(now):
                raise self.unavailable()
            self._attempt = asyncio.create_task(self._fetch_after(self._schedule.pause(now)))
        # `wait` isolates cancellation: cancelled callers do not cancel the fetch, nor vice versa.
        await asyncio.wait((self._attempt,))
        async with self._resuming:  # many signature checks in a row would block the event loop
            await asyncio.sleep(0)

    def unavailable(self) -> VerifierUnavailableError:
        """Return the error for a caller that gets no keys; its cause is the last `FetchError`."""
        reason = "the key source is not running" if self._background is None else self.error
        unavailable = VerifierUnavailableError(
            f"the issuer's keys are unavailable: {reason or 'no fetch has finished yet'}",
            retry_after=max(self._schedule.pause(self._clock()), MIN_INTERVAL),
        )
        unavailable.__cause__ = self.error
        return unavailable

    async def _keep_fresh(self) -> None:
        while True:
            with contextlib.suppress(VerifierUnavailableError):
                await self.refresh()
            while (pause := self._schedule.due_in(self._clock())) > 0:
                await self._sleep(pause)

    async def _fetch_after(self, pause: float) -> None:
        if pause > 0:
            await self._sleep(pause)
        self.attempts += 1
        self.attempted_at = self._clock()
        self._schedule.record_attempt(self.attempted_at)
        try:
            self._adopt(read_key_set(await self._fetch()))
        except FetchError as error:
            self._record_failure(error)
        except Exception as error:  # noqa: BLE001 - an unexpected error is an outage too
            kind = FetchErrorKind.UNEXPECTED
            self._record_failure(FetchError(type(error).__name__, kind=kind))
        else:
            self._record_success()

    def _record_success(self) -> None:
        if self._schedule.failures:
            _log.info("key set refreshed after %d failures", self._schedule.failures)
        self._schedule.record_success(self._clock())
        self.succeeded = self.attempts
        self.error = None

    def _record_failure(self, error: FetchError) -> None:
        error.__traceback__ = error.__context__ = None  # they would keep the response in memory
        self.error = error
        wait = self._schedule.record_failure(self._clock(), retry_after=error.retry_after)
        _log.warning(
            "cannot refresh the key set from %s: %s; retrying in %.0f s. Run `doctor` for help.",
            self._source,
            error,
            wait,
        )
