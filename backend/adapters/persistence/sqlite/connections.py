"""A pool of connections to an SQLite file. Every wait has a timeout."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import aiosqlite

from backend.adapters.persistence.permits import PROGRAM, FairPermits
from backend.adapters.persistence.searches import SEARCH_TIMEOUT, Searches
from backend.adapters.persistence.sqlite.errors import ReplacedFileError, translated_errors
from backend.adapters.persistence.sqlite.file import connect
from backend.domain.diagnosis import PoolState
from backend.domain.todo_repository import RepositoryUnavailableError

_INTERRUPT_INTERVAL: Final = 0.02  # seconds

_T = TypeVar("_T")


class SqliteConnections:
    """A few connections. Each is opened on demand, and used by a single caller at a time.

    The pool interrupts work that is cancelled or takes too long. The thread of such work does not
    stop immediately, so its connection becomes idle again only after the rollback of the
    transaction.

    Args:
        path: The database file.
        size: The maximum number of connections. One user holds at most half of them at a time.
        connect_timeout: The maximum wait for a connection, in seconds.
        statement_timeout: The maximum duration of the work on a connection, in seconds.
    """

    def __init__(
        self, path: Path, *, size: int, connect_timeout: float, statement_timeout: float
    ) -> None:
        self._path = path
        self._size = size
        self._connect_timeout = connect_timeout
        self._statement_timeout = statement_timeout
        self._searches = Searches(size)
        self._closed = True
        self._permits = FairPermits(0, share=0)
        self._idle: list[aiosqlite.Connection] = []
        self._recovering: set[asyncio.Task[None]] = set()
        self._timeouts = 0

    def open(self) -> None:
        """Accept work. The first statement opens the first connection."""
        self._closed = False
        self._permits = FairPermits(self._size, share=max(1, self._size // 2))

    async def close(self) -> None:
        """Close every connection after its work, or when the work times out."""
        for _ in range(0 if self._closed else self._size):
            self._closed = True
            await self._permits.acquire(PROGRAM)
        await _close(*self._take_idle())

    def state(self, name: str) -> PoolState:
        """Return the state of the pool.

        Args:
            name: The purpose of the connections.
        """
        return PoolState(
            name=name,
            in_use=self._permits.held,
            idle=len(self._idle),
            maximum=self._size,
            waiting=self._permits.waiting,
            timeouts=self._timeouts,
        )

    async def fetch(
        self, statement: str, values: Mapping[str, Any], *, user_id: str = PROGRAM
    ) -> Sequence[Any]:
        """Run a statement that reads, and return its rows; see `run`."""

        async def read(connection: aiosqlite.Connection) -> Sequence[Any]:
            return list(await connection.execute_fetchall(statement, values))

        return await self.run(read, user_id=user_id)

    async def search(
        self, statement: str, values: Mapping[str, Any], *, user_id: str
    ) -> Sequence[Any]:
        """Run a statement that may read every todo of a user; see `run`.

        Raises:
            SearchTimeoutError: The statement took too long, or waited too long for its turn.
        """

        async def read(connection: aiosqlite.Connection) -> Sequence[Any]:
            async with asyncio.timeout(SEARCH_TIMEOUT):
                return list(await connection.execute_fetchall(statement, values))

        async with self._searches.admit(user_id):
            return await self.run(read, user_id=user_id)

    async def run(
        self,
        work: Callable[[aiosqlite.Connection], Awaitable[_T]],
        *,
        user_id: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the work is interrupted
    ) -> _T:
        """Run work of a user on a connection that no other work uses at the same time.

        Args:
            work: The work.
            user_id: The user.
            timeout: The maximum duration in seconds, if that is not `statement_timeout`.

        Raises:
            RepositoryUnavailableError: The database cannot be reached, or not in time.
        """
        if self._closed:
            raise RepositoryUnavailableError("the database is closed")
        with translated_errors():
            try:
                connection = await self._acquire(user_id)
            except TimeoutError:
                self._timeouts += 1
                raise
            try:
                async with asyncio.timeout(timeout or self._statement_timeout):
                    result = await work(connection)
            except BaseException as error:
                stale = self._take_idle() if isinstance(error, ReplacedFileError) else None
                recovering = asyncio.create_task(self._recover(connection, user_id, stale))
                self._recovering.add(recovering)
                recovering.add_done_callback(self._recovering.discard)
                raise
            self._idle.append(connection)
            self._permits.release(user_id)
            return result

    async def _acquire(self, user_id: str) -> aiosqlite.Connection:
        """Return an idle or a new connection; wait if all connections are in use."""
        if self._idle and self._permits.take(user_id):  # a timer would take longer than this
            return self._idle.pop()
        async with asyncio.timeout(self._connect_timeout):
            await self._permits.acquire(user_id)
            if self._idle:
                return self._idle.pop()
            return await self._connect(user_id)

    async def _connect(self, user_id: str) -> aiosqlite.Connection:
        connecting = asyncio.create_task(connect(self._path, busy_timeout=self._statement_timeout))

        def keep(connecting: asyncio.Task[aiosqlite.Connection]) -> None:
            """Make a connection idle if its caller gave up before the connection was open."""
            if not connecting.cancelled() and not connecting.exception():
                self._idle.append(connecting.result())
            self._permits.release(user_id)

        try:
            return await asyncio.shield(connecting)
        except BaseException:
            connecting.add_done_callback(keep)
            raise

    async def _recover(
        self,
        connection: aiosqlite.Connection,
        user_id: str,
        stale: Sequence[aiosqlite.Connection] | None,
    ) -> None:
        """Make a connection idle again after its work was interrupted.

        Args:
            connection: The connection.
            user_id: The user whose work was interrupted.
            stale: If the file was deleted or replaced: other connections to close too.
        """
        try:
            rollback = asyncio.ensure_future(connection.rollback())  # waits for the statement
            while not rollback.done():
                # The loop repeats the interrupt, which has no effect before the statement begins.
                await connection.interrupt()
                await asyncio.wait([rollback], timeout=_INTERRUPT_INTERVAL)
            rollback.result()
            if stale is None:
                self._idle.append(connection)
            else:
                await _close(connection, *stale)
        except sqlite3.Error:
            await _close(connection, *(stale or ()))
        finally:
            self._permits.release(user_id)

    def _take_idle(self) -> Sequence[aiosqlite.Connection]:
        idle, self._idle = self._idle, []
        return idle


async def _close(*connections: aiosqlite.Connection) -> None:
    for connection in connections:
        with suppress(sqlite3.Error):
            await connection.close()
