"""The limit on todos for each user, enforced without a count for every new todo."""

import time
from collections.abc import Callable
from typing import Final

# A count lets a user add this part of the free room before the next count.
_PART: Final = 20
_COUNT_MAX_AGE: Final = 60.0  # seconds
_USERS_MAX: Final = 10_000


class TodoQuota:
    """Remembers how many todos each user may add before the next count.

    A count of 10,000 todos takes milliseconds. The free room shrinks with every count, so that near
    the limit every new todo causes a count.

    Other processes add todos too. Between two counts, each process adds only a part of the free
    room, so all processes together exceed the limit by a few percent at most.

    Args:
        limit: The maximum number of todos that a user has.
        clock: Monotonic time in seconds.
    """

    def __init__(self, limit: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit: Final = limit
        self._clock = clock
        # By user: the todos that still fit, and the time when this number expires; oldest first.
        self._rooms: dict[str, tuple[int, float]] = {}

    def must_count(self, user_id: str) -> bool:
        """Return whether a new todo needs a count; if not, reduce the free room by that todo."""
        room, end = self._rooms.get(user_id, (0, 0.0))
        if room < 1 or self._clock() >= end:
            return True
        self._rooms[user_id] = room - 1, end
        return False

    def counted(self, user_id: str, count: int) -> None:
        """Remember the number of a user's todos."""
        self._rooms.pop(user_id, None)
        if len(self._rooms) >= _USERS_MAX:
            del self._rooms[next(iter(self._rooms))]
        self._rooms[user_id] = (self.limit - count) // _PART, self._clock() + _COUNT_MAX_AGE
