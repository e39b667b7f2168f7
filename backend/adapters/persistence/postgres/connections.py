"""A pool of connections to PostgreSQL. Every wait has a timeout."""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from typing import Any, ClassVar

import asyncpg

from backend.adapters.persistence.permits import PROGRAM
from backend.adapters.persistence.postgres.errors import (
    DRIVER_ERRORS,
    needs_new_connections,
    translated_errors,
)
from backend.adapters.persistence.postgres.hosts import connect
from backend.adapters.persistence.postgres.leases import Connection, ConnectionLeases
from backend.adapters.persistence.postgres.url import read_url
from backend.adapters.persistence.searches import SEARCH_TIMEOUT, Searches
from backend.domain.diagnosis import PoolState
from backend.domain.todo_repository import RepositoryUnavailableError


class PostgresConnections:
    """A pool that opens connections on demand and replaces those that the server closed.

    Args:
        url: The URL of the database.
        size: The maximum number of connections. One user holds at most half of them at a time.
        connect_timeout: The maximum wait for a connection, in seconds.
        statement_timeout: The maximum duration of a statement, in seconds.
        statement_cache: Whether to keep statements prepared. Without prepared statements, no
            session is used beyond a transaction, and the server gets no statement timeout: poolers
            that share sessions refuse this setting.
    """

    _leases_class: ClassVar[type[ConnectionLeases]] = ConnectionLeases

    def __init__(
        self,
        url: str,
        *,
        size: int,
        connect_timeout: float,
        statement_timeout: float,
        statement_cache: bool,
    ) -> None:
        self._url = url
        self._size = size
        self._connect_timeout = connect_timeout
        self._statement_timeout = statement_timeout
        self._statement_cache = statement_cache
        self._searches = Searches(size)
        self._leases: ConnectionLeases | None = None
        self._timeouts = 0

    async def open(self) -> None:
        """Create the pool. The first statement opens the first connection.

        Raises:
            ValueError: The driver cannot read the URL.
        """
        url = read_url(self._url)
        self._connect_timeout = url.connect_timeout or self._connect_timeout
        statement_cache = self._statement_cache and not url.pooled
        options: dict[str, Any] = {
            "dsn": url.dsn,
            "connect": connect,
            "min_size": 0,
            "max_size": self._size,
            "command_timeout": self._statement_timeout,
            "statement_cache_size": 100 if statement_cache else 0,
            "init": _register_acting_user,
            "reset": _keep_session,
        }
        own_timeout = "statement_timeout" in {
            *url.parameters,
            *url.parameters.get("options", "").replace("=", " ").split(),
        }
        if statement_cache and not own_timeout:
            milliseconds = max(1, round(self._statement_timeout * 1000))
            options["server_settings"] = {"statement_timeout": str(milliseconds)}
        self._leases = self._lease(await asyncpg.create_pool(**options))

    async def close(self) -> None:
        """Close every connection after its statement, or when the statement times out."""
        leases, self._leases = self._leases, None
        if leases is None:
            return
        leases.close()
        with suppress(*DRIVER_ERRORS):  # the pool terminates what it cannot close
            async with asyncio.timeout(self._statement_timeout):
                await leases.pool.close()

    def pools(self) -> Sequence[PoolState]:
        """Return the state of the pool; empty if the pool is closed."""
        return [self._leases.state(timeouts=self._timeouts)] if self._leases else []

    def fetch(
        self, statement: str, user_id: str, *values: object
    ) -> Awaitable[Sequence[asyncpg.Record]]:
        """Run a statement of a user as a transaction, and return its rows.

        Args:
            statement: The SQL.
            user_id: The user, which is also the first value of the statement.
            *values: The other values.

        Raises:
            RepositoryUnavailableError: The database cannot be reached, or not in time.
        """
        return self._run(statement, user_id, (user_id, *values))

    async def search(
        self, statement: str, user_id: str, *values: object
    ) -> Sequence[asyncpg.Record]:
        """Run a statement that may read every todo of a user; see `fetch`.

        Raises:
            SearchTimeoutError: The statement took too long, or waited too long for its turn.
        """
        async with self._searches.admit(user_id):
            timeout = min(SEARCH_TIMEOUT, self._statement_timeout)
            return await self._run(statement, user_id, (user_id, *values), timeout=timeout)

    def fetch_long(
        self, statement: str, user_id: str, *values: object, timeout: float
    ) -> Awaitable[Sequence[asyncpg.Record]]:
        """Run a statement of a user that may take longer than others; see `fetch`.

        Args:
            statement: The SQL.
            user_id: The user, which is also the first value of the statement.
            *values: The other values.
            timeout: The maximum duration of the statement, in seconds.
        """
        # `SET LOCAL`, because a pooler may give the session to another client.
        limit = f"SET LOCAL statement_timeout = {round(timeout * 1000)}"
        return self._run(statement, user_id, (user_id, *values), timeout=timeout, setting=limit)

    def ask(self, question: str, *values: object) -> Awaitable[Sequence[asyncpg.Record]]:
        """Run a statement of the program itself, which names no user; see `fetch`."""
        return self._run(question, PROGRAM, values)

    async def reconnect(self) -> None:
        """Close every connection. A connection in use is closed after its statement."""
        leases = self._leases
        if leases is not None:
            self._leases = self._lease(leases.pool)
            leases.close()
            await leases.pool.expire_connections()

    async def _run(
        self,
        statement: str,
        user_id: str,
        values: Sequence[object],
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - asyncpg cancels the statement
        setting: str | None = None,
    ) -> Sequence[asyncpg.Record]:
        leases, healthy = self._leases, False
        if leases is None:
            raise RepositoryUnavailableError("the database is closed")
        connection = leases.take(user_id)
        if connection is None:
            connection = await self._wait_for_connection(leases, user_id)
        with translated_errors():
            try:
                if setting is None:
                    rows = await connection.fetch(statement, *values, timeout=timeout)
                else:
                    async with connection.transaction():
                        await connection.execute(setting)
                        rows = await connection.fetch(statement, *values, timeout=timeout)
                healthy = True
            except asyncpg.PostgresError as error:
                if needs_new_connections(error):
                    if self._leases is leases:
                        await self.reconnect()
                    raise RepositoryUnavailableError(f"reconnecting: {error}") from error
                raise
            except TimeoutError:
                if timeout is None and self._leases is leases:  # a search has a shorter timeout
                    await self.reconnect()  # the server may be silent on idle connections too
                raise
            finally:
                await leases.release(connection, user_id, healthy=healthy)
            return rows

    async def _wait_for_connection(self, leases: ConnectionLeases, user_id: str) -> Connection:
        with translated_errors(connecting=True):
            try:
                return await leases.acquire(user_id)
            except TimeoutError:
                self._timeouts += 1
                raise

    def _lease(self, pool: "asyncpg.Pool[asyncpg.Record]") -> ConnectionLeases:
        share = max(1, self._size // 2)
        return self._leases_class(pool, size=self._size, share=share, timeout=self._connect_timeout)


async def _register_acting_user(connection: "asyncpg.Connection[asyncpg.Record]", /) -> None:
    """Tell the driver that the type `acting_user` is text.

    Otherwise asyncpg looks up the type on every connection, which takes five times as long and
    changes settings of the session. asyncpg still looks up a type outside the schema `public`.
    """
    with suppress(ValueError):  # no such type
        await connection.set_builtin_type_codec("acting_user", codec_name="text")


async def _keep_session(_: object, /) -> None:
    """Skip the reset of a connection that goes back to the pool.

    No statement changes its session, and the pool has already rolled back an open transaction. The
    default reset is a round trip on every release, which doubles the cost of a read.
    """
