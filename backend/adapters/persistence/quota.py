"""The limit on todos for each user, enforced without counting them for every new todo."""

import time
from collections.abc import Callable
from typing import Final

# A count lets a user add this part of the free room before the next count.
_PART: Final = 20
_COUNT_MAX_AGE: Final = 60.0  # seconds
_USERS_MAX: Final = 10_000


class TodoQuota:
    """Remembers, for each user, how many todos fit before they must be counted again.

    Counting takes longer the more todos there are: 10,000 of them take milliseconds. The free room
    shrinks with every count, so that near the limit every new todo is counted.

    Other processes add todos too. Their rooms are parts of the free room as well, so together they
    exceed the limit by a few percent at most.

    Args:
        limit: The maximum number of todos that a user has.
        clock: Monotonic time in seconds.
    """

    def __init__(self, limit: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit: Final = limit
        self._clock = clock
        # The user's todos that still fit, and when that stops counting. The oldest count is first.
        self._rooms: dict[str, tuple[int, float]] = {}

    def must_count(self, user_id: str) -> bool:
        """Return whether a new todo must be counted; if not, the todo takes its place."""
        room, end = self._rooms.get(user_id, (0, 0.0))
        if room < 1 or self._clock() >= end:
            return True
        self._rooms[user_id] = room - 1, end
        return False

    def counted(self, user_id: str, count: int) -> None:
        """Remember how many todos a user has."""
        self._rooms.pop(user_id, None)
        if len(self._rooms) >= _USERS_MAX:
            del self._rooms[next(iter(self._rooms))]
        self._rooms[user_id] = (self.limit - count) // _PART, self._clock() + _COUNT_MAX_AGE
