"""A clock that a test advances."""

import asyncio
import heapq
from typing import Any


class Clock:
    """A clock for reading and sleeping.

    A call returns the time. `advance` lets time pass and wakes each sleeper when its time comes.
    """

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._slept = 0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self._slept += 1
        heapq.heappush(self._sleepers, (self.now + seconds, self._slept, woken))
        await woken

    async def advance(self, seconds: float) -> None:
        end = self.now + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                self.now = max(self.now, due)
                woken.set_result(None)
                await settle()
        self.now = end
        await settle()


async def settle() -> None:
    """Run every task as far as possible without advancing the clock."""
    loop: Any = asyncio.get_running_loop()
    for _ in range(60):
        await asyncio.sleep(0)
        if not loop._ready:  # asyncio has no public way to ask whether a task can run
            return
