"""Connections on loan from a pool: it is asked for one when none is idle, not for every statement.

To lend a connection, with a timer, a proxy and a shielded task, takes the pool as long as the
driver needs for a statement.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias

import asyncpg

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"

IDLE_MAX: Final = 300.0  # seconds: what lies between forgets a silent connection some day


class Loans:
    """The loans from one pool, each good until something goes wrong with it.

    Args:
        pool: Whose connections they are.
        size: The most of them.
        timeout: The most seconds to wait for one, idle or new, and to give one back.
        clock: Seconds that only ever go forward.
    """

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        *,
        size: int,
        timeout: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pool = pool
        self._timeout = timeout
        self._clock = clock
        self._turns = asyncio.Semaphore(size)
        self._idle: list[tuple[Connection, float]] = []  # and since when
        self._ended = False

    async def take(self) -> Connection:
        """Return a connection that is nobody else's until it is given back.

        Raises:
            TimeoutError: There is none in time.
            asyncpg.PostgresError: The server refuses it.
            OSError: The server is not there.
        """
        if self._idle and not self._turns.locked():
            await self._turns.acquire()  # at once
            connection = self._take_idle()
            if connection is not None:
                return connection
            self._turns.release()
        async with asyncio.timeout(self._timeout):
            await self._turns.acquire()
            try:
                return self._take_idle() or await self.pool.acquire()
            except BaseException:
                self._turns.release()
                raise

    async def give_back(self, connection: Connection, *, sound: bool) -> None:
        """Let others have a connection, or the pool if something went wrong with it."""
        try:
            if sound and not self._ended:
                self._idle.append((connection, self._clock()))
            else:
                await self.pool.release(connection, timeout=self._timeout)
        finally:
            self._turns.release()

    def end(self) -> None:
        """Keep none from now on, and close those that are idle."""
        self._ended = True
        while self._idle:
            _cut(self._idle.pop()[0])

    def _take_idle(self) -> "Connection | None":
        """Return the connection that was used last, if it is still good."""
        while self._idle:
            connection, since = self._idle.pop()
            if _is_open(connection) and self._clock() - since < IDLE_MAX:
                return connection
            _cut(connection)
        return None


def _is_open(connection: Connection) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:  # the pool has taken it back already
        return False


def _cut(connection: Connection) -> None:
    with suppress(asyncpg.InterfaceError):  # the pool has taken it back already
        connection.terminate()
