"""A PostgreSQL database: its connections, health check, cursor key and schema revision."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Final, Self

import asyncpg

from backend.adapters.persistence.postgres.connections import PostgresConnections
from backend.adapters.persistence.postgres.errors import translated_errors
from backend.adapters.persistence.postgres.hosts import connect
from backend.adapters.persistence.postgres.rows import REMEMBERED, STORED
from backend.adapters.persistence.postgres.url import read_url
from backend.adapters.persistence.user_tables import USER_TABLES
from backend.domain.diagnosis import PoolState
from backend.domain.todo_repository import RepositoryUnavailableError

_TIMEOUT: Final = 10.0  # seconds, to connect for a question or a migration

_CURSOR_KEY: Final = "SELECT key FROM cursor_key"

_REVISION: Final = "SELECT version_num FROM alembic_version"

# False for superusers, for roles with BYPASSRLS, and if an operator switched a policy off.
_ROW_LEVEL_SECURITY: Final = "SELECT " + " AND ".join(
    f"row_security_active('{table}')" for table in USER_TABLES
)

_PRIVILEGES: Final = ", ".join(
    f"('{table}', '{privilege}')"
    for table in USER_TABLES
    for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE")
)

# Tables that do not exist yet are left out.
_MISSING_PRIVILEGES: Final = f"""
SELECT string_agg(format('%s on %s', privileges, name), '; ' ORDER BY name)
FROM (
    SELECT name, string_agg(privilege, ', ') AS privileges
    FROM (VALUES
        {_PRIVILEGES}, ('cursor_key', 'SELECT'), ('alembic_version', 'SELECT')
    ) AS needed (name, privilege)
    WHERE NOT has_table_privilege(to_regclass(name), privilege)
    GROUP BY name
) AS missing
"""  # noqa: S608 - names of tables

# Fails if a table, column or type is missing that statements use. The query reads no row.
_CHECK: Final = f"""
SELECT current_setting('transaction_read_only')::boolean, ({_MISSING_PRIVILEGES})
FROM (SELECT 'nobody'::acting_user) AS nobody
LEFT JOIN (SELECT {", ".join(STORED)} FROM todos LIMIT 0) AS todo ON true
LEFT JOIN (SELECT {", ".join(REMEMBERED)} FROM idempotency_keys LIMIT 0) AS known ON true
LEFT JOIN (SELECT key FROM cursor_key LIMIT 0) AS cursor_key ON true
"""  # noqa: S608 - names of columns


class PostgresDatabase:
    """Implements `MigratedDatabase` with a pool of connections that are opened on demand.

    Args:
        url: `postgresql://user:password@host:port/database?sslmode=…`, as libpq reads it.
        pool_size: The maximum number of connections.
        connect_timeout: The maximum wait for a connection, in seconds.
        statement_timeout: The maximum duration of a statement, in seconds.
        statement_cache: Whether to keep statements prepared. Turn it off behind a pooler that
            shares server sessions between clients, such as PgBouncer in transaction mode.
        make_connections: Makes the pool of connections.

    Attributes:
        connections: The connections, for repositories.

    Raises:
        ValueError: The URL is not a PostgreSQL URL.
    """

    name: Final = "PostgreSQL"
    dialect: Final = "postgresql+asyncpg"

    def __init__(  # noqa: PLR0913 - the settings, and what tracing replaces
        self,
        url: str,
        *,
        pool_size: int = 10,
        connect_timeout: float = 5.0,
        statement_timeout: float = 5.0,
        statement_cache: bool = True,
        make_connections: Callable[..., PostgresConnections] = PostgresConnections,
    ) -> None:
        if not url.startswith(("postgresql://", "postgres://")):
            raise ValueError("the URL of a PostgreSQL database starts with postgresql://")
        self._url = url
        self.connections: Final = make_connections(
            url,
            size=pool_size,
            connect_timeout=connect_timeout,
            statement_timeout=statement_timeout,
            statement_cache=statement_cache,
        )

    async def __aenter__(self) -> Self:
        await self.connections.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        await self.connections.close()

    async def check(self) -> None:
        """Check that todos can be read and written now; see `Database`."""
        ((read_only, missing),) = await self.connections.ask(_CHECK)
        if read_only:
            await self.connections.reconnect()  # after a failover, another server is the primary
            raise RepositoryUnavailableError("the server is read-only")
        if missing:
            raise RepositoryUnavailableError(f"the role lacks {missing}")

    async def cursor_key(self) -> bytes:
        """Return the key that seals cursors; see `Database`."""
        ((key,),) = await self.connections.ask(_CURSOR_KEY)
        return bytes(key)

    def pools(self) -> Sequence[PoolState]:
        """Return the state of the pool; see `Database`."""
        return self.connections.pools()

    async def revision(self) -> str | None:
        """Return the revision of the schema; see `MigratedDatabase`."""
        revision: str | None = await self._ask(_REVISION)
        return revision

    async def missing_privileges(self) -> str:
        """Return the privileges that the role lacks; see `MigratedDatabase`."""
        return await self._ask(_MISSING_PRIVILEGES) or ""

    async def row_level_security(self) -> bool | None:
        """Return whether row-level security restricts the role; see `MigratedDatabase`."""
        return bool(await self._ask(_ROW_LEVEL_SECURITY))

    async def connect_for_migration(self) -> "asyncpg.Connection[asyncpg.Record]":
        """Open a connection for Alembic; see `MigratedDatabase`."""
        return await self._connect()

    async def _connect(self, **options: Any) -> "asyncpg.Connection[asyncpg.Record]":
        url = read_url(self._url)
        with translated_errors(connecting=True):
            timeout = url.connect_timeout or _TIMEOUT
            return await connect(url.dsn, timeout=timeout, **options)

    async def _ask(self, question: str) -> Any:
        """Run a statement on a new connection, and return its value; None without the table.

        No statement gets a name, and all messages belong to a single transaction. Otherwise a
        pooler such as PgBouncer would keep the statement in a session that other clients use too.
        """
        connection = await self._connect(command_timeout=_TIMEOUT, statement_cache_size=0)
        with translated_errors():
            try:
                async with connection.transaction(readonly=True):
                    return await connection.fetchval(question)
            except asyncpg.UndefinedTableError:
                return None
            finally:
                await connection.close(timeout=_TIMEOUT)
