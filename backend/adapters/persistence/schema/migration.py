"""Runs Alembic over a connection that is already open: the only use of SQLAlchemy."""

from collections.abc import Callable
from typing import Any, Final

from alembic import command as alembic
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection, NullPool, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from backend.adapters.persistence.schema.revisions import VERSIONS, is_behind
from backend.domain.todo_repository import RepositoryUnavailableError

_READING: Final = ("PRAGMA", "SELECT", "SHOW")
_COMMANDS: Final = {"upgrade": alembic.upgrade, "downgrade": alembic.downgrade}

# The advisory lock makes concurrent migrations wait (its number is arbitrary). The timeout ends a
# migration that waits for a table lock, because every later statement would wait behind it.
_LOCKS: Final = {
    "postgresql": ("SELECT pg_advisory_xact_lock(7270935416)", "SET LOCAL lock_timeout = '5s'"),
    "sqlite": ("BEGIN IMMEDIATE",),
}


async def run(
    dialect: str,
    driver_connection: object,
    command: str,
    revision: str,
    *,
    record: Callable[[str], None] | None = None,
) -> None:
    """Migrate in a single transaction over a connection, and close the connection.

    Args:
        dialect: SQLAlchemy's name for the database and its driver.
        driver_connection: An open connection of the driver.
        command: `upgrade` or `downgrade`.
        revision: The revision to end at.
        record: Receives each statement that changes the database. With `record`, the migration is
            undone.

    Raises:
        ValueError: There is no such revision.
        RepositoryUnavailableError: The database refuses the change.
    """

    async def connect() -> object:
        return driver_connection

    engine = create_async_engine(f"{dialect}://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.connect() as connection, connection.begin() as transaction:
            for lock in _LOCKS[connection.dialect.name]:
                await connection.exec_driver_sql(lock)
            if record:
                event.listen(engine.sync_engine, "before_cursor_execute", _recorder(record))
            await connection.run_sync(_run, command, revision)
            if record:
                await transaction.rollback()
    except CommandError as error:
        raise ValueError(str(error)) from error
    except DBAPIError as error:
        raise RepositoryUnavailableError(str(error.orig)) from error


def _recorder(record: Callable[[str], None]) -> Callable[..., None]:
    """Return the function that SQLAlchemy calls for each statement.

    A statement that is repeated with other parameters is recorded once.
    """
    last = ""

    def listener(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal last
        if statement != last and not statement.lstrip().startswith(_READING):
            last = statement
            record(statement.strip())

    return listener


def _run(connection: Connection, command: str, revision: str) -> None:
    current = MigrationContext.configure(connection).get_current_revision()
    if command == "upgrade" and not is_behind(current):
        return
    config = Config()
    config.set_main_option("script_location", str(VERSIONS.parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    _COMMANDS[command](config, revision)
