"""A pool of connections to PostgreSQL. Every wait has a timeout."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

import asyncpg

from backend.adapters.persistence.postgres.errors import DRIVER_ERRORS, translated_errors
from backend.adapters.persistence.postgres.leases import ConnectionLeases
from backend.domain.todo_repository import RepositoryUnavailableError


class PostgresConnections:
    """A pool that opens connections on demand and replaces those that the server closed.

    Args:
        url: The URL of the database.
        size: The maximum number of connections.
        connect_timeout: The maximum wait for a connection, in seconds.
        statement_timeout: The maximum duration of a statement, in seconds.
        statement_cache: Whether to keep statements prepared. Without it, sessions are not used
            beyond a transaction, and the server is not asked for a timeout: poolers that share
            sessions refuse such requests.
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
            "dsn": url,
            "min_size": 0,
            "max_size": size,
            "command_timeout": statement_timeout,
            "statement_cache_size": 100 if statement_cache else 0,
            "init": _register_acting_user,
            "reset": _keep_session,
        }
        if statement_cache and "statement_timeout" not in parse_qs(url.partition("?")[2]):
            milliseconds = max(1, round(statement_timeout * 1000))
            self._options["server_settings"] = {"statement_timeout": str(milliseconds)}
        self._size = size
        self._leases: ConnectionLeases | None = None

    async def open(self) -> None:
        """Create the pool. The first statement opens the first connection."""
        self._leases = self._lease(await asyncpg.create_pool(**self._options))

    async def close(self) -> None:
        """Close every connection after its statement, or when the statement times out."""
        leases, self._leases = self._leases, None
        if leases is None:
            return
        leases.close()
        with suppress(*DRIVER_ERRORS):  # the pool terminates what it cannot close
            async with asyncio.timeout(self._statement_timeout):
                await leases.pool.close()

    async def fetch(self, statement: str, *values: object) -> Sequence[asyncpg.Record]:
        """Run one statement as a transaction, and return its rows.

        Raises:
            RepositoryUnavailableError: The database cannot be reached, or not in time.
        """
        leases, healthy = self._leases, False
        if leases is None:
            raise RepositoryUnavailableError("the database is closed")
        with translated_errors(connecting=True):
            connection = await leases.acquire()
        with translated_errors():
            try:
                rows = await connection.fetch(statement, *values)
                healthy = True
            except asyncpg.InternalServerError as error:
                # A migration recreated a type, so prepared statements fail on every connection.
                if self._leases is leases:
                    self._leases = self._lease(leases.pool)
                leases.close()
                await leases.pool.expire_connections()
                raise RepositoryUnavailableError(f"reconnecting: {error}") from error
            finally:
                await leases.release(connection, healthy=healthy)
            return rows

    def _lease(self, pool: "asyncpg.Pool[asyncpg.Record]") -> ConnectionLeases:
        return ConnectionLeases(pool, size=self._size, timeout=self._connect_timeout)


async def _register_acting_user(connection: "asyncpg.Connection[asyncpg.Record]", /) -> None:
    """Tell the driver that the type `acting_user` is text.

    Otherwise asyncpg looks the type up on every connection, which takes five times as long and
    changes settings of the session. It still does so if the type is not in the schema `public`.
    """
    with suppress(ValueError):  # no such type
        await connection.set_builtin_type_codec("acting_user", codec_name="text")


async def _keep_session(_: object, /) -> None:
    """Skip the reset of a connection that goes back to the pool.

    No statement changes its session, and the pool has already rolled back an open transaction. The
    default reset is a round trip on every release, which doubles the cost of a read.
    """
