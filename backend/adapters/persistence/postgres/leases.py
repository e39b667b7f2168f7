"""Leases of pooled connections, kept between statements.

Acquiring a connection from asyncpg's pool sets a timer, makes a proxy and shields a task. That
takes as long as the driver needs for a statement, so connections go back to the pool only after an
error.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from backend.adapters.persistence.permits import PROGRAM, FairPermits
from backend.domain.diagnosis import PoolState

Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"

IDLE_MAX: Final = 300.0  # seconds; firewalls and load balancers drop connections that idle longer


class ConnectionLeases:
    """Leases connections of a pool, and keeps each connection until an error.

    Args:
        pool: The pool.
        size: The maximum number of connections.
        share: The maximum number of connections that a user holds.
        timeout: The maximum wait for a connection, and for its return to the pool, in seconds.
        clock: Monotonic time in seconds.
    """

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        *,
        size: int,
        share: int,
        timeout: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pool = pool
        self._timeout = timeout
        self._clock = clock
        self._permits = FairPermits(size, share=share)
        self._idle: list[tuple[Connection, float]] = []  # each with the time of its release
        self._closed = False

    def state(self, *, timeouts: int) -> PoolState:
        """Return the state of the pool.

        Args:
            timeouts: The number of callers that got no connection in time.
        """
        in_use = self._permits.held
        return PoolState(
            name="all",
            in_use=in_use,
            idle=max(self.pool.get_size() - in_use, 0),
            maximum=self.pool.get_max_size(),
            waiting=self._permits.waiting,
            timeouts=timeouts,
        )

    def take(self, user_id: str = PROGRAM) -> "Connection | None":
        """Lease an idle connection without waiting; None if the caller must call `acquire`."""
        if self._idle and self._permits.take(user_id):
            connection = self._pop_idle()
            if connection is not None:
                return connection
            self._permits.release(user_id)
        return None

    async def acquire(self, user_id: str = PROGRAM) -> Connection:
        """Lease a connection to a caller, until the caller releases the connection.

        Raises:
            TimeoutError: No connection is available in time.
            asyncpg.PostgresError: The server refuses a new connection.
            OSError: The server cannot be reached.
        """
        connection = self.take(user_id)  # the timer of a wait would take longer than this
        if connection is not None:
            return connection
        async with asyncio.timeout(self._timeout):
            await self._permits.acquire(user_id)
            try:
                return self._pop_idle() or await self.pool.acquire()
            except BaseException:
                self._permits.release(user_id)
                raise

    async def release(
        self, connection: Connection, user_id: str = PROGRAM, *, healthy: bool
    ) -> None:
        """End a user's lease. A connection that is not healthy goes back to the pool."""
        try:
            if healthy and not self._closed:
                self._idle.append((connection, self._clock()))
            else:
                await self.pool.release(connection, timeout=self._timeout)
        finally:
            self._permits.release(user_id)

    def close(self) -> None:
        """Close the idle connections, and return the others to the pool when they are released."""
        self._closed = True
        while self._idle:
            _terminate(self._idle.pop()[0])

    def _pop_idle(self) -> "Connection | None":
        """Return the last used connection, unless the connection is closed or was idle too long."""
        while self._idle:
            connection, since = self._idle.pop()
            if _is_open(connection) and self._clock() - since < IDLE_MAX:
                return connection
            _terminate(connection)
        return None


def _is_open(connection: Connection) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:  # the pool has already taken the connection back
        return False


def _terminate(connection: Connection) -> None:
    with suppress(asyncpg.InterfaceError):  # the pool has already taken the connection back
        connection.terminate()
