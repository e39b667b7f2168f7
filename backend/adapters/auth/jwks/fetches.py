"""The fetches of a key set. Every fetch is recorded and logged, and fetches never overlap."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable

from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from backend.adapters.auth.jwks.key_set import KeySet, read_key_set
from backend.adapters.auth.jwks.schedule import RefreshSchedule

_log = logging.getLogger(__name__)


class KeySetFetches:
    """Starts fetches and keeps their results. The caller must not let two fetches overlap.

    Args:
        fetch: Returns the key set's bytes or raises `FetchError`.
        adopt: Receives each key set that was fetched, and returns whether its keys are new.
        schedule: Decides how long a fetch must wait, and gets every result.
        source: Names the issuer in log messages.
        clock: Monotonic time in seconds.
        sleep: Waits for some seconds of that clock.

    Attributes:
        started: The number of fetches that have started.
        finished: The number of the last fetch that has finished; 0 before.
        succeeded: The number of the last fetch that succeeded; 0 before.
        started_at: When the last fetch started; None before the first.
        starts_at: When the fetch in progress starts or has started, after its pause.
        error: Why the last fetch failed; None if it succeeded.
        results: The number of fetches with each result: `success`, or a `FetchErrorKind`.
    """

    def __init__(  # noqa: PLR0913 - the parts that a test replaces
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
        self._task: asyncio.Task[None] | None = None
        self.started = 0
        self.finished = 0
        self.succeeded = 0
        self.started_at: float | None = None
        self.starts_at = 0.0
        self.error: FetchError | None = None
        self.results: Counter[str] = Counter(success=0)

    @property
    def in_progress(self) -> asyncio.Task[None] | None:
        """The task that fetches, or waits for the pause before; None if there is no such task."""
        return self._task if self._task is not None and not self._task.done() else None

    def forget(self) -> None:
        """Forget the fetch in progress: its event loop may have ended without it."""
        self._task = None

    def start(self, *, lookup: bool) -> asyncio.Task[None]:
        """Start a fetch, after the pause that the schedule demands.

        Args:
            lookup: Whether the schedule counts the fetch as a look-up of an unknown key id.
        """
        now = self._clock()
        pause = self._schedule.lookup_pause(now) if lookup else self._schedule.pause(now)
        self.starts_at = now + pause
        self._task = asyncio.create_task(self._fetch_after(pause, lookup=lookup))
        return self._task

    async def _fetch_after(self, pause: float, *, lookup: bool) -> None:
        if pause > 0:
            await self._sleep(pause)
        self.started += 1
        self.started_at = self._clock()
        self._schedule.record_attempt(self.started_at)
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
        self.results[self.error.kind.value if self.error else "success"] += 1
        self.finished = self.started

    def _record_success(self, *, changed: bool, lookup: bool) -> None:
        if self._schedule.failures:
            _log.info("key set refreshed after %d failures", self._schedule.failures)
        if self.error is not None and self.error.kind is FetchErrorKind.EMPTY:
            _log.info("the key set from %s is not empty any more", self._source)
        self._schedule.record_success(self._clock(), changed=changed, lookup=lookup)
        self.succeeded = self.started
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
        error.__traceback__ = error.__context__ = None  # they keep the response in memory
        self.error = error
        wait = self._schedule.record_failure(self._clock(), retry_after=error.retry_after)
        _log.warning(
            "cannot refresh the key set from %s: %s; retrying in %.0f s. Run `doctor` for help.",
            self._source,
            error,
            wait,
        )
