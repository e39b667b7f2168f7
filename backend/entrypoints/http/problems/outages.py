"""Logs an outage when it begins and when it ends, not for every request that gets 503."""

import asyncio
import contextvars
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from backend.entrypoints.http.checks import CHECK_TIMEOUT, Check

CHECK_INTERVAL: Final = 5.0  # seconds
REPORT_INTERVAL: Final = 60.0

_log = logging.getLogger(__name__)


class Outage:
    """The outage of a part of the application: the verifier, or the database.

    An outage begins with the first request that gets 503. The outage ends when the check of the
    part succeeds and no request got 503 for `CHECK_INTERVAL` seconds.

    Args:
        part: The name of the part in log messages.
        check: Raises an error while the part cannot be used; None if there is no check.
        clock: Monotonic time in seconds.
        sleep: Waits for some seconds of that clock.
    """

    def __init__(
        self,
        part: str,
        check: Check | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._part = part
        self._check = check
        self._clock = clock
        self._sleep = sleep
        self._watcher: asyncio.Task[None] | None = None
        self._began_at = self._failed_at = self._reported_at = 0.0
        self._requests = self._requests_reported = 0

    def record(self, error: Exception, *, request_id: str) -> None:
        """Record that a request gets 503. Call this in the event loop of the application.

        Args:
            error: Why the part is unavailable.
            request_id: The id of the request.
        """
        now = self._clock()
        if not self.in_progress:
            _log.error(
                "unavailable: %s: %s. Requests get 503. Run `doctor` for help.",
                self._part,
                error,
                extra={"request_id": request_id, "reason": f"{self._part}_unavailable"},
            )
            self._began_at = self._reported_at = now
            self._requests = self._requests_reported = 0
            # The watcher outlives the request, so it must not log the request's id and span.
            context = contextvars.Context()
            self._watcher = asyncio.create_task(self._watch(), context=context)
        self._failed_at = now
        self._requests += 1

    @property
    def in_progress(self) -> bool:
        """Whether the part is unavailable."""
        return self._watcher is not None and not self._watcher.done()

    async def stop(self) -> None:
        """Report the outage that is in progress, if any, and stop watching for its end."""
        watcher, self._watcher = self._watcher, None
        if watcher is None or watcher.done():
            return
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)
        self._report("still unavailable when the server stops")

    async def _watch(self) -> None:
        while True:
            await self._sleep(CHECK_INTERVAL)
            is_quiet = self._clock() - self._failed_at >= CHECK_INTERVAL
            if is_quiet and await self._succeeds():
                self._report("available again")
                return
            has_news = self._requests > self._requests_reported
            if has_news and self._clock() - self._reported_at >= REPORT_INTERVAL:
                self._report("still unavailable")
                self._reported_at, self._requests_reported = self._clock(), self._requests

    async def _succeeds(self) -> bool:
        # `run_check` would share the check with other callers, so `stop` could not end the check.
        try:
            async with asyncio.timeout(CHECK_TIMEOUT):
                await (self._check() if self._check else asyncio.sleep(0))
        except Exception:  # noqa: BLE001 - after any error the part is not available
            return False
        return True

    def _report(self, state: str) -> None:
        _log.warning(
            "%s: %s, %.0f s after the outage began; %d %s got 503",
            state,
            self._part,
            self._clock() - self._began_at,
            self._requests,
            "request" if self._requests == 1 else "requests",
            extra={"reason": f"{self._part}_unavailable"},
        )


class Outages:
    """The outages of all parts of an application.

    Args:
        checks: The readiness checks by name.
    """

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self.verifier = Outage("verifier", checks.get("keys"))
        self.database = Outage("database", checks.get("database"))

    def in_progress(self) -> Mapping[str, bool]:
        """Return whether an outage is in progress, by part of the application."""
        return {
            "verifier": self.verifier.in_progress,
            "database": self.database.in_progress,
        }

    async def stop(self) -> None:
        """Report the outages that are in progress."""
        await self.verifier.stop()
        await self.database.stop()
