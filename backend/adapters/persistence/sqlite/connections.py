"""Connections to an SQLite file, each lent to one piece of work at a time, every wait bounded."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

import aiosqlite

from backend.domain.todo_repository import RepositoryUnavailableError

_T = TypeVar("_T")

_SETTINGS: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
"""

# What the driver raises when the program is wrong; all else means that the file is out of reach.
_MISTAKES: Final = (sqlite3.DataError, sqlite3.IntegrityError, sqlite3.ProgrammingError)


class SqliteConnections:
    """A few connections, each opened when first needed.

    Work that is cancelled, or takes too long, is interrupted. Its thread cannot be stopped
    half-way, so the connection is lent again only when it is still, with nothing left open.

    Args:
        path: The database file.
        size: The most connections to keep open.
        connect_timeout: The most seconds to wait for a connection, idle or new.
        statement_timeout: The most seconds to wait for a piece of work.
    """

    def __init__(
        self, path: Path, *, size: int, connect_timeout: float, statement_timeout: float
    ) -> None:
        self._path = path
        self._size = size
        self._connect_timeout = connect_timeout
        self._statement_timeout = statement_timeout
        self._closed = True
        self._idle: asyncio.LifoQueue[aiosqlite.Connection | None] = asyncio.LifoQueue()
        self._settling: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Get ready; nothing is connected yet."""
        self._closed = False
        self._idle = asyncio.LifoQueue()
        for _ in range(self._size):
            self._idle.put_nowait(None)

    async def close(self) -> None:
        """Close every connection when its work is done, or has had its time."""
        for _ in range(0 if self._closed else self._size):
            self._closed = True
            connection = await self._idle.get()
            if connection is not None:
                with suppress(sqlite3.Error):
                    await connection.close()

    async def run(self, work: Callable[[aiosqlite.Connection], Awaitable[_T]]) -> _T:
        """Do a piece of work on a connection of its own.

        Raises:
            RepositoryUnavailableError: The database cannot be reached, or not in time.
        """
        if self._closed:
            raise RepositoryUnavailableError("the repository is closed")
        with reported_outages():
            connection = await self._take()
            try:
                async with asyncio.timeout(self._statement_timeout):
                    result = await work(connection)
            except BaseException:
                await connection.interrupt()
                settling = asyncio.create_task(self._settle(connection))
                self._settling.add(settling)
                settling.add_done_callback(self._settling.discard)
                raise
            self._idle.put_nowait(connection)
            return result

    async def _take(self) -> aiosqlite.Connection:
        """Return an idle connection, if need be when there is one, or a new one."""
        if not self._idle.empty():
            connection = self._idle.get_nowait()  # without a timer, which takes longer than this
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
        failed = connecting.cancelled() or connecting.exception()
        self._idle.put_nowait(None if failed else connecting.result())

    async def _settle(self, connection: aiosqlite.Connection) -> None:
        sound: aiosqlite.Connection | None = None
        try:
            await connection.rollback()  # queued behind what still runs
            sound = connection
        except sqlite3.Error:
            with suppress(sqlite3.Error):
                await connection.close()
        finally:
            self._idle.put_nowait(sound)


async def connect(path: Path, *, busy_timeout: float, create: bool = False) -> aiosqlite.Connection:
    """Open one connection, which begins no transaction by itself.

    Args:
        path: The database file.
        busy_timeout: The most seconds to wait for another writer.
        create: Whether to make a new database if there is none.

    Raises:
        sqlite3.Error: The file cannot be opened.
    """
    opened = await asyncio.to_thread(_open, path, busy_timeout, "rwc" if create else "rw")
    # The driver would leave behind a thread of its own that fails to open a file.
    return await aiosqlite.Connection(lambda: opened, iter_chunk_size=64)


def _open(path: Path, busy_timeout: float, mode: str) -> sqlite3.Connection:
    if mode == "rwc":
        with suppress(OSError):  # of which SQLite itself has more to say
            path.touch(0o600, exist_ok=True)  # SQLite would let every user of the machine read it
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        timeout=busy_timeout,
        isolation_level=None,
        check_same_thread=False,
    )
    deadline = time.monotonic() + busy_timeout
    while True:
        try:
            connection.executescript(_SETTINGS)
        except sqlite3.Error as error:
            # To turn a new file into WAL is the one step that does not itself wait for a lock.
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                connection.close()
                raise
            time.sleep(0.01)
        else:
            return connection


def database_path(url: str) -> Path:
    """Return the path of the file that an SQLite URL names.

    Raises:
        ValueError: It names none.
    """
    name = url.removeprefix("sqlite:///")
    if name in {"", url, ":memory:"} or "?" in name:
        raise ValueError("the URL of an SQLite database is sqlite:/// and the path of a file")
    return Path(name).absolute()


@contextmanager
def reported_outages() -> Iterator[None]:
    """Raise `RepositoryUnavailableError` for what means that the database is out of reach."""
    try:
        yield
    except _MISTAKES:
        raise
    except (sqlite3.Error, TimeoutError) as error:
        reason = str(error) or "not in time"  # of which a TimeoutError does not speak
        raise RepositoryUnavailableError(f"{type(error).__name__}: {reason}") from error
