"""Starts the fetches of a key set, for the background task and for callers, and lets callers wait.

Only a single fetch runs at a time, even if many callers wait for the keys. The schedule decides
about the pauses. The number of waiting callers and the time of each wait are limited.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from backend.adapters.auth.jwks.fetches import KeySetFetches
from backend.adapters.auth.jwks.schedule import MIN_INTERVAL, RefreshSchedule
from backend.domain.auth import VerifierUnavailableError

MAX_WAIT: Final = 2.0  # seconds
MAX_WAITING: Final = 256  # callers

_RESUMED_AT_ONCE: Final = 4  # callers


class KeySetRefresher:
    """Keeps a key set fresh between `start` and `stop`.

    Args:
        fetches: Fetches the key set.
        schedule: Decides when to fetch.
        clock: Monotonic time in seconds.
        sleep: Waits for some seconds of that clock.
    """

    def __init__(
        self,
        fetches: KeySetFetches,
        *,
        schedule: RefreshSchedule,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._fetches = fetches
        self._schedule = schedule
        self._clock = clock
        self._sleep = sleep
        self._background: asyncio.Task[None] | None = None
        self._resuming = asyncio.Semaphore()
        self._waiting = 0
        self._recheck_number = 0  # the number of the fetch that the last bad signature caused

    def start(self) -> None:
        """Start to fetch, without waiting for the first key set.

        Can be called again, in another event loop too, whether or not `stop` was called.
        """
        self._fetches.forget()
        self._resuming = asyncio.Semaphore(_RESUMED_AT_ONCE)  # bound to the running event loop
        self._waiting = 0
        self._background = asyncio.create_task(self._keep_fresh())

    async def finish_first_fetch(self) -> None:
        """Wait for the first fetch if that fetch is in progress."""
        fetch = self._fetches.in_progress
        if fetch is not None and self._fetches.started <= 1:
            await asyncio.wait((fetch,))

    async def stop(self) -> None:
        """Cancel the background task and the fetch in progress."""
        tasks = [task for task in (self._background, self._fetches.in_progress) if task is not None]
        self._background = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def wait_until(self, is_answered: Callable[[], bool], *, lookup: bool = True) -> None:
        """Fetch for a caller until a condition holds.

        Args:
            is_answered: The condition, which may raise.
            lookup: Whether the schedule counts a fetch as a look-up of an unknown key id.

        Raises:
            VerifierUnavailableError: The condition cannot hold within `MAX_WAIT` seconds, too many
                callers wait, the schedule backs off, or the refresher is not running.
        """
        deadline = self._clock() + MAX_WAIT
        if self._waiting >= MAX_WAITING:
            raise self._undecided("too many callers wait for them", after_fetch=1.0)
        self._waiting += 1
        try:
            while not is_answered():
                await self._next_fetch(deadline, lookup=lookup)
        finally:
            self._waiting -= 1

    async def recheck(self) -> None:
        """Fetch because a signature is bad, but at most once a minute; wait `MAX_WAIT` at most."""
        if self._schedule.take_recheck(self._clock()):
            self._recheck_number = self._fetches.started + 1
        number = self._recheck_number
        if self._fetches.finished < number:
            with contextlib.suppress(VerifierUnavailableError):
                await self.wait_until(lambda: self._fetches.finished >= number, lookup=False)

    def unavailable(self) -> VerifierUnavailableError:
        """Return the error for a caller without keys; the last `FetchError` is its cause."""
        is_running = self._background is not None
        reason = self._fetches.error if is_running else "the key source is not running"
        pause = self._schedule.pause(self._clock())
        return self._unavailable(reason or "no fetch has finished yet", retry_after=pause)

    def _undecided(self, reason: str, *, after_fetch: float) -> VerifierUnavailableError:
        pause = max(self._fetches.starts_at - self._clock(), 0.0)
        return self._unavailable(reason, retry_after=pause + after_fetch)

    def _unavailable(self, reason: object, *, retry_after: float) -> VerifierUnavailableError:
        unavailable = VerifierUnavailableError(
            f"the issuer's keys are unavailable: {reason}",
            retry_after=max(retry_after, MIN_INTERVAL),
        )
        unavailable.__cause__ = self._fetches.error
        return unavailable

    async def _next_fetch(self, deadline: float, *, lookup: bool) -> None:
        """Wait for the fetch in progress, or for the next."""
        if self._background is None:
            raise self.unavailable()
        now = self._clock()
        fetch = self._fetches.in_progress
        if fetch is None:
            if self._schedule.is_backing_off(now):
                raise self.unavailable()
            fetch = self._fetches.start(lookup=lookup)
        if now >= deadline or self._fetches.starts_at >= deadline:
            # A client that returns shortly before the next fetch waits for its result.
            reason = f"the answer takes more than {MAX_WAIT:g} s"
            raise self._undecided(reason, after_fetch=-1.5)
        timer = asyncio.ensure_future(self._sleep(deadline - now))
        try:  # `wait` isolates cancellation: a cancelled caller does not cancel the fetch
            await asyncio.wait((fetch, timer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
        async with self._resuming:  # many signature checks in a row would block the event loop
            await asyncio.sleep(0)

    async def _keep_fresh(self) -> None:
        while True:
            fetch = self._fetches.in_progress or self._fetches.start(lookup=False)
            await asyncio.wait((fetch,))
            while (pause := self._schedule.due_in(self._clock())) > 0:
                await self._sleep(pause)
