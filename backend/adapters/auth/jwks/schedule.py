"""When to fetch a key set: refresh ahead of expiry, back off after failures, add jitter.

Pure arithmetic: callers pass the time in and do the waiting. Attempts start a pause, not
successes, so a failing issuer gets no more requests than a healthy issuer.
"""

import random
from collections.abc import Callable
from math import inf
from typing import Final

MIN_INTERVAL: Final = 1.0
MAX_BACKOFF: Final = 30.0
REFRESH_AHEAD: Final = (0.75, 0.9)  # of the maximum age
BACKOFF_JITTER: Final = (0.5, 1.0)

_MAX_DOUBLINGS: Final = 10  # keeps the power small; MAX_BACKOFF is reached long before


class RefreshSchedule:
    """Decides when the next fetch may start, and when it should.

    All times are seconds of one monotonic clock. The jitter spreads the fetches of many processes.

    Args:
        max_age: Seconds after which keys are old; refreshes are due before.
        uniform: Draws a random number between two bounds.

    Attributes:
        failures: How many attempts have failed since the last success.
    """

    def __init__(
        self, max_age: float, *, uniform: Callable[[float, float], float] = random.uniform
    ) -> None:
        self._max_age = max_age
        self._uniform = uniform
        self._allowed_at = -inf
        self._due_at = -inf
        self.failures = 0

    def pause(self, now: float) -> float:
        """Return the seconds until a fetch may start; zero or less if it may start now."""
        return self._allowed_at - now

    def due_in(self, now: float) -> float:
        """Return the seconds until a fetch should start; zero or less if it should start now."""
        return self._due_at - now

    def is_backing_off(self, now: float) -> bool:
        """Tell whether the last attempt failed and the next must still wait."""
        return self.failures > 0 and self.pause(now) > 0

    def record_attempt(self, now: float) -> None:
        """Record that a fetch starts."""
        self._allowed_at = now + MIN_INTERVAL

    def record_success(self, now: float) -> None:
        """Record that a fetch succeeded."""
        self.failures = 0
        self._due_at = now + self._max_age * self._uniform(*REFRESH_AHEAD)

    def record_failure(self, now: float, *, retry_after: float | None = None) -> float:
        """Record that a fetch failed.

        Args:
            now: The time of the failure.
            retry_after: Seconds that the issuer asks clients to wait, if it does.

        Returns:
            The seconds until the next attempt.
        """
        self.failures += 1
        backoff = min(MIN_INTERVAL * 2.0 ** min(self.failures, _MAX_DOUBLINGS), MAX_BACKOFF)
        wait = max(backoff * self._uniform(*BACKOFF_JITTER), retry_after or 0.0)
        self._allowed_at = self._due_at = now + wait
        return wait
