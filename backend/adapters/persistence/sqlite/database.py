"""An SQLite database: its connections, health check, cursor key and schema revision."""

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Self

import aiosqlite

from backend.adapters.persistence.sqlite.connections import SqliteConnections
from backend.adapters.persistence.sqlite.errors import translated_errors
from backend.adapters.persistence.sqlite.file import connect, path_of, require_usable
from backend.adapters.persistence.sqlite.rows import REMEMBERED, STORED
from backend.domain.diagnosis import PoolState

_TIMEOUT: Final = 10.0  # seconds, to wait for another writer before a question or a migration

# Fails if a table or column is missing that statements use.
_CHECK: Final = f"""
SELECT *
FROM (SELECT {", ".join(STORED)} FROM todos LIMIT 0),
     (SELECT {", ".join(REMEMBERED)} FROM idempotency_keys LIMIT 0),
     (SELECT key FROM cursor_key LIMIT 0)
"""  # noqa: S608 - names of columns

_CURSOR_KEY: Final = "SELECT key FROM cursor_key"

_HAS_REVISION: Final = "SELECT name FROM sqlite_master WHERE name = 'alembic_version'"

_REVISION: Final = "SELECT version_num FROM alembic_version"


class SqliteDatabase:
    """Implements `MigratedDatabase` with a connection that writes and a few connections that read.

    Reads never wait for a write. Writes take turns.

    Args:
        url: `sqlite:///todos.db` for a path relative to the working directory,
            `sqlite:////var/lib/todos.db` for an absolute path. Only a migration creates the file.
        pool_size: The maximum number of connections that read.
        connect_timeout: The maximum wait for a connection, in seconds.
        statement_timeout: The maximum duration of a call in seconds, including the wait for the
            lock of another process.
        make_connections: Makes each pool of connections.

    Attributes:
        readers: The connections that read, for repositories.
        writer: The connection that writes, for repositories.

    Raises:
        ValueError: The URL names no file.
    """

    name: Final = "SQLite"
    dialect: Final = "sqlite+aiosqlite"

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 4,
        connect_timeout: float = 5.0,
        statement_timeout: float = 5.0,
        make_connections: Callable[..., SqliteConnections] = SqliteConnections,
    ) -> None:
        self._path = path_of(url)
        timeouts = {"connect_timeout": connect_timeout, "statement_timeout": statement_timeout}
        self.readers: Final = make_connections(self._path, size=pool_size, **timeouts)
        self.writer: Final = make_connections(self._path, size=1, **timeouts)

    async def __aenter__(self) -> Self:
        self.readers.open()
        self.writer.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        await self.readers.close()
        await self.writer.close()

    def exists(self) -> bool:
        """Return whether the file of the database exists."""
        return self._path.exists()

    async def check(self) -> None:
        """Check that todos can be read and written now; see `Database`."""
        await asyncio.to_thread(require_usable, self._path, exists=True)
        await self.readers.fetch(_CHECK, {})

    async def cursor_key(self) -> bytes:
        """Return the key that seals cursors; see `Database`."""
        ((key,),) = await self.readers.fetch(_CURSOR_KEY, {})
        return bytes(key)

    def pools(self) -> Sequence[PoolState]:
        """Return the state of the pools; see `Database`."""
        return self.readers.state("read"), self.writer.state("write")

    async def revision(self) -> str | None:
        """Return the revision of the schema; see `MigratedDatabase`."""
        require_usable(self._path)
        if not self._path.exists():
            return None
        with translated_errors():
            connection = await connect(self._path, busy_timeout=_TIMEOUT)
            try:
                rows = list(await connection.execute_fetchall(_HAS_REVISION))
                if rows:
                    rows = list(await connection.execute_fetchall(_REVISION))
            finally:
                await connection.close()
        return rows[0][0] if rows else None

    async def missing_privileges(self) -> str:
        """Return an empty string: SQLite has no privileges."""
        return ""

    async def row_level_security(self) -> bool | None:
        """Return None: SQLite has no row-level security."""
        return None

    async def connect_for_migration(self) -> aiosqlite.Connection:
        """Open a connection for Alembic, and create a missing file; see `MigratedDatabase`."""
        require_usable(self._path)
        with translated_errors():
            return await connect(self._path, busy_timeout=_TIMEOUT, create=True)
