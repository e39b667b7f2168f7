"""The interface of every database: connections, a health check, a cursor key and a schema.

`PostgresDatabase`, `SqliteDatabase` and `InMemoryDatabase` implement these protocols.
"""

from collections.abc import Sequence
from types import TracebackType
from typing import Literal, Protocol, Self, TypeAlias

from backend.domain.diagnosis import PoolState

Product: TypeAlias = Literal["PostgreSQL", "SQLite", "memory"]


class Database(Protocol):
    """A database, whose connections are open inside `async with`. Repositories take a database."""

    @property
    def name(self) -> Product:
        """The product, for the choice of repositories and for the operator."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...

    async def check(self) -> None:
        """Check that todos can be read and written now.

        Raises:
            RepositoryUnavailableError: The database cannot be used.
        """
        ...

    async def cursor_key(self) -> bytes:
        """Return the key that seals cursors: 32 bytes that all processes of a database share.

        Raises:
            RepositoryUnavailableError: The database cannot be reached.
        """
        ...

    def pools(self) -> Sequence[PoolState]:
        """Return the state of its pools of connections."""
        ...


class MigratedDatabase(Database, Protocol):
    """A database with a schema that migrations change.

    These methods open a connection of their own, so they also work outside `async with`. Each of
    them raises `RepositoryUnavailableError` if the database cannot be reached, and `ValueError` if
    the driver cannot read its URL.
    """

    @property
    def dialect(self) -> str:
        """SQLAlchemy's name for the product and its driver."""
        ...

    async def revision(self) -> str | None:
        """Return the revision of the schema; None if there is no schema yet."""
        ...

    async def missing_privileges(self) -> str:
        """Return the privileges that a server needs and its role lacks; empty if it lacks none."""
        ...

    async def row_level_security(self) -> bool | None:
        """Return whether row-level security restricts the role; None if the product has none."""
        ...

    async def connect_for_migration(self) -> object:
        """Open a connection of the driver for Alembic, which closes it."""
        ...
