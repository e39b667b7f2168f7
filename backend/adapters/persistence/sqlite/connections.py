"""A pool of connections to an SQLite file. Every wait has a timeout."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from backend.adapters.persistence.sqlite.errors import translated_errors
from backend.adapters.persistence.sqlite.file import connect
from backend.domain.todo_repository import RepositoryUnavailableError

_T = TypeVar("_T")


class SqliteConnections:
    """A few connections, each opened on demand and used by one caller at a time.

    Work that is cancelled, or takes too long, is interrupted. Its thread cannot be stopped
    immediately, so the connection becomes idle again only after its transaction was rolled back.

    Args:
        path: The database file.
        size: The maximum number of connections.
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
        self._closed = True
        # Holds None for each connection that is not open yet.
        self._idle: asyncio.LifoQueue[aiosqlite.Connection | None] = asyncio.LifoQueue()
        self._recovering: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Accept work. The first statement opens the first connection."""
        self._closed = False
        self._idle = asyncio.LifoQueue()
        for _ in range(self._size):
            self._idle.put_nowait(None)

    async def close(self) -> None:
        """Close every connection after its work, or when the work times out."""
        for _ in range(0 if self._closed else self._size):
            self._closed = True
            connection = await self._idle.get()
            if connection is not None:
                with suppress(sqlite3.Error):
                    await connection.close()

    async def fetch(self, statement: str, values: Mapping[str, Any]) -> Sequence[Any]:
        """Run one statement that reads, and return its rows; see `run`."""

        async def read(connection: aiosqlite.Connection) -> Sequence[Any]:
            return list(await connection.execute_fetchall(statement, values))

        return await self.run(read)

    async def run(self, work: Callable[[aiosqlite.Connection], Awaitable[_T]]) -> _T:
        """Run some work on a connection that nobody else uses meanwhile.

        Raises:
            RepositoryUnavailableError: The database cannot be reached, or not in time.
        """
        if self._closed:
            raise RepositoryUnavailableError("the database is closed")
        with translated_errors():
            connection = await self._acquire()
            try:
                async with asyncio.timeout(self._statement_timeout):
                    result = await work(connection)
            except BaseException:
                await connection.interrupt()
                recovering = asyncio.create_task(self._recover(connection))
                self._recovering.add(recovering)
                recovering.add_done_callback(self._recovering.discard)
                raise
            self._idle.put_nowait(connection)
            return result

    async def _acquire(self) -> aiosqlite.Connection:
        """Return an idle connection or a new one; wait if all are in use."""
        if not self._idle.empty():
            connection = self._idle.get_nowait()  # setting a timer would take longer than this
            if connection is not None:
                return connection
            self._idle.put_nowait(None)
        async with asyncio.timeout(self._connect_timeout):
            return await self._idle.get() or await self._connect()

    async def _connect(self) -> aiosqlite.Connection:
        connecting = asyncio.create_task(connect(self._path, busy_timeout=self._statement_timeout))
        try:
            return await asyncio.shield(connecting)
        except BaseException:
            connecting.add_done_callback(self._keep)
            raise

    def _keep(self, connecting: asyncio.Task[aiosqlite.Connection]) -> None:
        """Make a connection idle that was opened after its caller gave up."""
        failed = connecting.cancelled() or connecting.exception()
        self._idle.put_nowait(None if failed else connecting.result())

    async def _recover(self, connection: aiosqlite.Connection) -> None:
        """Make a connection idle again after its work was interrupted."""
        recovered: aiosqlite.Connection | None = None
        try:
            await connection.rollback()  # runs after the interrupted statement has ended
            recovered = connection
        except sqlite3.Error:
            with suppress(sqlite3.Error):
                await connection.close()
        finally:
            self._idle.put_nowait(recovered)
