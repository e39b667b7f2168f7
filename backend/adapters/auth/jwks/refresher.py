"""Fetches a key set again and again: in the background, and when a caller asks.

One fetch runs at a time, however many callers wait for it. The schedule decides about the pauses.
The number of callers that wait is limited, and so is the time that each of them waits.
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

MAX_WAIT: Final = 2.0
MAX_WAITING: Final = 256

_RESUMED_AT_ONCE: Final = 4

_log = logging.getLogger(__name__)


class KeySetRefresher:
    """Keeps a key set fresh between `start` and `stop`.

    Args:
        fetch: Returns the key set's bytes or raises `FetchError`.
        adopt: Receives each key set that was fetched, and tells whether its keys are new.
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
        adopt: Callable[[KeySet], bool],
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
        self._attempt_starts_at = 0.0
        self._resuming = asyncio.Semaphore()
        self._waiting = 0
        self._recheck_attempt = 0
        self._finished = 0  # the number of the last attempt that has finished
        self.attempts = 0
        self.succeeded = 0
        self.attempted_at: float | None = None
        self.error: FetchError | None = None

    def start(self) -> None:
        """Start to fetch, without waiting for the first key set."""
        self._resuming = asyncio.Semaphore(_RESUMED_AT_ONCE)  # bound to the running event loop
        self._waiting = 0
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

    async def wait_until(self, is_answered: Callable[[], bool], *, lookup: bool = True) -> None:
        """Fetch for a caller until a condition holds.

        Args:
            is_answered: The condition. It may raise.
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
            self._recheck_attempt = self.attempts + 1
        number = self._recheck_attempt
        if self._finished < number:
            with contextlib.suppress(VerifierUnavailableError):
                await self.wait_until(lambda: self._finished >= number, lookup=False)

    def unavailable(self) -> VerifierUnavailableError:
        """Return the error for a caller that gets no keys; its cause is the last `FetchError`."""
        reason = "the key source is not running" if self._background is None else self.error
        pause = self._schedule.pause(self._clock())
        return self._unavailable(reason or "no fetch has finished yet", retry_after=pause)

    def _undecided(self, reason: str, *, after_fetch: float) -> VerifierUnavailableError:
        pause = max(self._attempt_starts_at - self._clock(), 0.0)
        return self._unavailable(reason, retry_after=pause + after_fetch)

    def _unavailable(self, reason: object, *, retry_after: float) -> VerifierUnavailableError:
        unavailable = VerifierUnavailableError(
            f"the issuer's keys are unavailable: {reason}",
            retry_after=max(retry_after, MIN_INTERVAL),
        )
        unavailable.__cause__ = self.error
        return unavailable

    async def _next_fetch(self, deadline: float, *, lookup: bool) -> None:
        """Wait for the fetch in progress, or for the next."""
        if self._background is None:
            raise self.unavailable()
        now = self._clock()
        attempt = self._attempt
        if attempt is None or attempt.done():
            if self._schedule.is_backing_off(now):
                raise self.unavailable()
            attempt = self._start_attempt(now, lookup=lookup)
        if now >= deadline or self._attempt_starts_at >= deadline:
            # A client that returns shortly before the next fetch waits for its result.
            reason = f"the answer takes more than {MAX_WAIT:g} s"
            raise self._undecided(reason, after_fetch=-1.5)
        timer = asyncio.ensure_future(self._sleep(deadline - now))
        try:  # `wait` isolates cancellation: a cancelled caller does not cancel the fetch
            await asyncio.wait((attempt, timer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
        async with self._resuming:  # many signature checks in a row would block the event loop
            await asyncio.sleep(0)

    def _start_attempt(self, now: float, *, lookup: bool) -> asyncio.Task[None]:
        pause = self._schedule.lookup_pause(now) if lookup else self._schedule.pause(now)
        self._attempt_starts_at = now + pause
        self._attempt = asyncio.create_task(self._fetch_after(pause, lookup=lookup))
        return self._attempt

    async def _keep_fresh(self) -> None:
        while True:
            attempt = self._attempt
            if attempt is None or attempt.done():
                attempt = self._start_attempt(self._clock(), lookup=False)
            await asyncio.wait((attempt,))
            while (pause := self._schedule.due_in(self._clock())) > 0:
                await self._sleep(pause)

    async def _fetch_after(self, pause: float, *, lookup: bool) -> None:
        if pause > 0:
            await self._sleep(pause)
        self.attempts += 1
        self.attempted_at = self._clock()
        self._schedule.record_attempt(self.attempted_at)
        try:
            keys = read_key_set(await self._fetch())
            if keys.by_kid:
                self._record_success(changed=self._adopt(keys), lookup=lookup)
            else:
                self._record_empty(lookup=lookup)
        except FetchError as error:
            self._record_failure(error)
        except Exception as error:  # noqa: BLE001 - an unexpected error is an outage too
            kind = FetchErrorKind.UNEXPECTED
            self._record_failure(FetchError(type(error).__name__, kind=kind))
        self._finished = self.attempts

    def _record_success(self, *, changed: bool, lookup: bool) -> None:
        if self._schedule.failures:
            _log.info("key set refreshed after %d failures", self._schedule.failures)
        if self.error is not None and self.error.kind is FetchErrorKind.EMPTY:
            _log.info("the key set from %s is not empty any more", self._source)
        self._schedule.record_success(self._clock(), changed=changed, lookup=lookup)
        self.succeeded = self.attempts
        self.error = None

    def _record_empty(self, *, lookup: bool) -> None:
        if self.error is None or self.error.kind is not FetchErrorKind.EMPTY:
            _log.warning(
                "the key set from %s is empty; the old keys stay usable until they are too old"
                " (AUTH_JWKS_MAX_STALE). Run `doctor` for help.",
                self._source,
            )
        self._schedule.record_empty(self._clock(), lookup=lookup)
        self.error = FetchError("the key set is empty", kind=FetchErrorKind.EMPTY)

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
