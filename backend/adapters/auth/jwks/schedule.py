"""When to fetch a key set: refresh ahead of expiry, back off after failures, slow down for floods.

Pure arithmetic: callers pass the time and do the waiting. Every attempt starts a pause, not only a
success, so a failing issuer gets no more requests than a healthy issuer.

Unknown key ids cause look-ups. A look-up that finds an unchanged key set is fruitless, and each
fruitless look-up doubles the pause before the next. The doublings wear off with time. So a process
makes about a look-up every 9 s at most in the long run, and at most 20 within two minutes.
"""

import random
from collections.abc import Callable
from math import inf
from typing import Final

MIN_INTERVAL: Final = 1.0
MAX_BACKOFF: Final = 30.0
# A new key must be found within 10 s during a flood of unknown ids: the pause, and the fetch.
MAX_LOOKUP_PAUSE: Final = 9.0
RECHECK_INTERVAL: Final = 60.0
EMPTY_INTERVAL: Final = 10.0
REFRESH_AHEAD: Final = (0.75, 0.9)  # of the maximum age
BACKOFF_JITTER: Final = (0.5, 1.0)

_MAX_DOUBLINGS: Final = 10  # keeps the power small; MAX_BACKOFF is reached long before
_MAX_FRUITLESS: Final = 5  # the pause reaches its maximum


class RefreshSchedule:
    """Decides when the next fetch may start, and when the next fetch should start.

    All times are seconds of the same monotonic clock. Jitter spreads the fetches of many processes.

    Args:
        max_age: Seconds after which keys are old; refreshes are due before.
        workers: The number of processes that fetch this key set. The pause after a fruitless
            look-up is multiplied by this number, up to `MAX_LOOKUP_PAUSE`.
        uniform: Draws a random number between two bounds.

    Attributes:
        failures: The number of failed attempts since the last success.
    """

    def __init__(
        self,
        max_age: float,
        *,
        workers: int = 1,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._max_age = max_age
        self._workers = workers
        self._uniform = uniform
        self._attempted_at = -inf
        self._allowed_at = -inf
        self._due_at = -inf
        self._fruitless = 0
        self._fruitless_at = -inf
        self._recheck_at = -inf
        self.failures = 0

    def pause(self, now: float) -> float:
        """Return the seconds until a fetch may start; zero or less if that is now."""
        return self._allowed_at - now

    def lookup_pause(self, now: float) -> float:
        """Return the seconds until a look-up may start; zero or less if that is now."""
        # A look-up never waits longer than the refresh that is due anyway.
        allowed_at = min(self._fruitless_at + self._fruitless_pause(), self._due_at)
        return max(self._allowed_at, allowed_at) - now

    def due_in(self, now: float) -> float:
        """Return the seconds until a fetch should start; zero or less if that is now."""
        return self._due_at - now

    def is_backing_off(self, now: float) -> bool:
        """Return whether the last attempt failed and the next must still wait."""
        return self.failures > 0 and self.pause(now) > 0

    def take_recheck(self, now: float) -> bool:
        """Return whether a bad signature may cause a fetch. True at most once a minute."""
        if now < self._recheck_at:
            return False
        self._recheck_at = now + RECHECK_INTERVAL
        return True

    def record_attempt(self, now: float) -> None:
        """Record that a fetch starts."""
        self._attempted_at = now
        self._allowed_at = now + MIN_INTERVAL

    def record_success(self, now: float, *, changed: bool = False, lookup: bool = False) -> None:
        """Record that a fetch succeeded.

        Args:
            now: The time of the success.
            changed: Whether the key set differs from the last.
            lookup: Whether the fetch was a look-up.
        """
        self.failures = 0
        self._due_at = now + self._max_age * self._uniform(*REFRESH_AHEAD)
        if changed:
            self._fruitless = 0
        elif lookup:
            self._record_fruitless()

    def record_empty(self, now: float, *, lookup: bool = False) -> None:
        """Record that the issuer has no keys yet, which does not count as a failure.

        Args:
            now: The time of the answer.
            lookup: Whether the fetch was a look-up.
        """
        self.failures = 0
        self._due_at = now + EMPTY_INTERVAL * self._uniform(*BACKOFF_JITTER)
        if lookup:
            self._record_fruitless()

    def record_failure(self, now: float, *, retry_after: float | None = None) -> float:
        """Record that a fetch failed.

        Args:
            now: The time of the failure.
            retry_after: Seconds that the issuer asks clients to wait; None without such a request.

        Returns:
            The seconds until the next attempt.
        """
        self.failures += 1
        backoff = min(MIN_INTERVAL * 2.0 ** min(self.failures, _MAX_DOUBLINGS), MAX_BACKOFF)
        wait = max(backoff * self._uniform(*BACKOFF_JITTER), retry_after or 0.0)
        self._allowed_at = self._due_at = now + wait
        return wait

    def _record_fruitless(self) -> None:
        elapsed = self._attempted_at - self._fruitless_at
        worn_off = int(min(elapsed / MAX_LOOKUP_PAUSE, _MAX_FRUITLESS))
        self._fruitless = min(max(self._fruitless - worn_off, 0) + 1, _MAX_FRUITLESS)
        self._fruitless_at = self._attempted_at

    def _fruitless_pause(self) -> float:
        if not self._fruitless:
            return 0.0
        return min(MIN_INTERVAL * self._workers * 2.0 ** (self._fruitless - 1), MAX_LOOKUP_PAUSE)
