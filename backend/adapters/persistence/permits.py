"""Permits for connections, shared out fairly: no user can hold all of them, or jump the queue."""

import asyncio
from collections import deque
from typing import Final

# The program itself, which has no share: health checks, for example. No user has this id.
PROGRAM: Final = ""


class FairPermits:
    """Permits. Each user holds at most a share of the permits.

    Users who wait take turns: each turn serves a single call, even if a user has many calls.

    Args:
        size: The number of permits.
        share: The maximum number of permits that a user holds.
    """

    def __init__(self, size: int, *, share: int) -> None:
        self._free = size
        self._share = share
        self._held: dict[str, int] = {}
        # Users in the order of their turns. If a permit is free, every user here holds a full
        # share.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @property
    def held(self) -> int:
        """The number of permits that are held."""
        return sum(self._held.values())

    @property
    def waiting(self) -> int:
        """The number of calls that wait for a permit."""
        return sum(map(len, self._waiting.values()))

    def take(self, user_id: str) -> bool:
        """Take a permit if the user need not wait; return whether that worked."""
        held = self._held.get(user_id, 0)
        if self._free == 0 or (held >= self._share and user_id != PROGRAM):
            return False
        self._free -= 1
        self._held[user_id] = held + 1
        return True

    async def acquire(self, user_id: str) -> None:
        """Wait for the user's turn, then take a permit."""
        if self.take(user_id):
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue = self._waiting.setdefault(user_id, deque())
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the permit came at the same time
                self.release(user_id)
            elif turn in queue:
                queue.remove(turn)
                if not queue:
                    del self._waiting[user_id]
            raise

    def release(self, user_id: str) -> None:
        """Give a permit back, and serve the next user whose share is not used up."""
        self._give_back(user_id)
        if not self._waiting:
            return
        while (next_user := next(filter(self.take, self._waiting), None)) is not None:
            queue = self._waiting.pop(next_user)
            turn = queue.popleft()
            if queue:
                self._waiting[next_user] = queue  # at the end: all other users come first
            if not turn.cancelled():
                turn.set_result(None)
                return
            self._give_back(next_user)

    def _give_back(self, user_id: str) -> None:
        held = self._held[user_id] - 1
        if held:
            self._held[user_id] = held
        else:
            del self._held[user_id]
        self._free += 1
