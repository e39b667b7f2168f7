"""Alembic over a connection that is open already: the one home of SQLAlchemy, not for requests."""

from pathlib import Path
from typing import Final

from alembic import command as alembic
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, NullPool
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from backend.adapters.persistence.schema import Command
from backend.domain.todo import TodoRepositoryUnavailableError

_COMMANDS: Final = {"upgrade": alembic.upgrade, "downgrade": alembic.downgrade}

# The first makes whoever else migrates wait (the number means no more than that), the second
# keeps a change that itself has to wait from holding up everyone behind it.
_LOCKS: Final = {
    "postgresql": ("SELECT pg_advisory_xact_lock(7270935416)", "SET LOCAL lock_timeout = '5s'"),
    "sqlite": ("BEGIN IMMEDIATE",),
}


async def visit(
    dialect: str, driver: object, command: Command | None, revision: str
) -> tuple[str | None, bool]:
    """Use a connection for at most one command, and close it.

    Args:
        dialect: SQLAlchemy's name for the database and driver.
        driver: The driver's connection.
        command: What to do, if anything.
        revision: The revision that the command ends at.

    Returns:
        The revision that the database then has, and whether that is behind the latest.

    Raises:
        ValueError: There is no such revision.
        TodoRepositoryUnavailableError: The database refuses.
    """

    async def opened() -> object:
        return driver

    engine = create_async_engine(f"{dialect}://", async_creator=opened, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            if command is not None:
                for lock in _LOCKS[connection.dialect.name]:
                    await connection.exec_driver_sql(lock)
                await connection.run_sync(_run, command, revision)
            reached = await connection.run_sync(_current)
            return reached, is_behind(reached)
    except CommandError as error:
        raise ValueError(str(error)) from error
    except DBAPIError as error:
        raise TodoRepositoryUnavailableError(str(error.orig)) from error


def is_behind(revision: str | None) -> bool:
    """Return whether a later revision is known; one that is not known is a later program's."""
    scripts = ScriptDirectory.from_config(_config())
    known = {None, *(script.revision for script in scripts.walk_revisions())}
    return revision in known and revision != scripts.get_current_head()


def _run(connection: Connection, command: Command, revision: str) -> None:
    if command == "upgrade" and not is_behind(_current(connection)):
        return
    config = _config()
    config.attributes["connection"] = connection
    _COMMANDS[command](config, revision)


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
