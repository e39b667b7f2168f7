"""Connections to PostgreSQL, pooled, every wait bounded."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import asyncpg

from backend.adapters.persistence.postgres.leases import Loans
from backend.domain.todo_repository import RepositoryUnavailableError

# What a statement can meet (appendix A of PostgreSQL's manual), by class or in full, that no caller
# is to blame for and that passes without a change to this program.
_UNAVAILABLE: Final = (
    "08",  # connection exception
    "25006",  # read-only: this was the primary until a moment ago
    "40",  # deadlock, serialization failure
    "42704",  # no such type: not migrated yet
    "42P01",  # no such table: likewise
    "53",  # insufficient resources, too many connections
    "55P03",  # lock not available
    "57",  # cancelled, shutting down, starting up
    "58",  # system error
)

_ERRORS: Final = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a server's farewell that nobody asked for
    asyncpg.PostgresError,
)


class PostgresConnections:
    """A pool of connections, each opened when first needed and anew when the server cut it.

    Args:
        url: The server and database.
        size: The most connections to keep open.
        connect_timeout: The most seconds to wait for a connection, idle or new.
        statement_timeout: The most seconds to wait for a statement.
        statement_cache: Whether to keep statements prepared. If not, nothing at all is asked of a
            session beyond its transactions, and the server learns of no timeout: poolers that share
            sessions refuse such requests.

    Raises:
        ValueError: The URL is not one of PostgreSQL.
    """

    def __init__(
        self,
        url: str,
        *,
        size: int,
        connect_timeout: float,
        statement_timeout: float,
        statement_cache: bool,
    ) -> None:
        self._connect_timeout = connect_timeout
        self._statement_timeout = statement_timeout
        self._options: dict[str, Any] = {
            "dsn": database_url(url),
            "min_size": 0,
            "max_size": size,
            "command_timeout": statement_timeout,
            "statement_cache_size": 100 if statement_cache else 0,
            "init": _know_acting_user,
            "reset": _keep_session,
        }
        if statement_cache and "statement_timeout" not in parse_qs(urlsplit(url).query):
            milliseconds = max(1, round(statement_timeout * 1000))
            self._options["server_settings"] = {"statement_timeout": str(milliseconds)}
        self._size = size
        self._loans: Loans | None = None

    async def open(self) -> None:
        """Get ready; nothing is connected yet."""
        self._loans = self._lend(await asyncpg.create_pool(**self._options))

    async def close(self) -> None:
        """Close every connection when its statement is done, or has had its time."""
        loans, self._loans = self._loans, None
        if loans is None:
            return
        loans.end()
        with suppress(*_ERRORS):  # then the pool has cut what it could not close
            async with asyncio.timeout(self._statement_timeout):
                await loans.pool.close()

    async def fetch(self, statement: str, *values: object) -> Sequence[asyncpg.Record]:
        """Run one statement, which is a transaction of its own.

        Returns:
            Its rows.

        Raises:
            RepositoryUnavailableError: The database cannot be reached, or not in time.
        """
        loans, sound = self._loans, False
        if loans is None:
            raise RepositoryUnavailableError("the repository is closed")
        with reported_outages(connecting=True):
            connection = await loans.take()
        with reported_outages():
            try:
                rows = await connection.fetch(statement, *values)
                sound = True
            except asyncpg.InternalServerError as error:
                # A type that a migration made anew: what was prepared with the old one is lost, on
                # every connection.
                if self._loans is loans:
                    self._loans = self._lend(loans.pool)
                loans.end()
                await loans.pool.expire_connections()
                raise RepositoryUnavailableError(f"anew: {error}") from error
            finally:
                await loans.give_back(connection, sound=sound)
            return rows

    def _lend(self, pool: "asyncpg.Pool[asyncpg.Record]") -> Loans:
        return Loans(pool, size=self._size, timeout=self._connect_timeout)


def database_url(url: str) -> str:
    """Return the URL, if it is one of PostgreSQL.

    Raises:
        ValueError: It is not.
    """
    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("the URL of a PostgreSQL database starts with postgresql://")
    return url


@contextmanager
def reported_outages(*, connecting: bool = False) -> Iterator[None]:
    """Raise `RepositoryUnavailableError` for what means that the database is out of reach.

    Args:
        connecting: Whether all this does is to connect: then whatever a server says means that.
    """
    try:
        yield
    except _ERRORS as error:
        if isinstance(error, asyncpg.PostgresError):
            unavailable = connecting or (error.sqlstate or "").startswith(_UNAVAILABLE)
        else:
            # The driver says ValueError of an argument, but the network says it of a certificate.
            unavailable = isinstance(error, OSError) or not isinstance(error, ValueError)
        if not unavailable:
            raise
        reason = str(error) or "not in time"  # of which a TimeoutError does not speak
        raise RepositoryUnavailableError(f"{type(error).__name__}: {reason}") from error


async def _know_acting_user(connection: "asyncpg.Connection[asyncpg.Record]", /) -> None:
    """Tell the driver that an acting user is a text.

    It finds that out by itself, but in five times as long, on every connection, and by changing
    settings of the session on the way. So it does for a type in another schema than `public`.
    """
    with suppress(ValueError):  # there is no such type
        await connection.set_builtin_type_codec("acting_user", codec_name="text")


async def _keep_session(_: object, /) -> None:
    """Reset nothing when a connection goes back to the pool.

    No statement changes its session, and the pool rolls an open transaction back before it calls
    this. Its default resets the session with a round trip on every release, which makes a read
    cost twice as much.
    """
