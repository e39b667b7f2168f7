"""The schema of a database: what operators migrate.

Migrating is one transaction, over a connection to the very URL that the repositories use; whoever
else migrates at the same time waits for its end.
"""

from pathlib import Path
from typing import Any, Final

import asyncpg

from backend.adapters.persistence.postgres import connections as postgres_connections
from backend.adapters.persistence.schema.revisions import Command, is_behind
from backend.adapters.persistence.sqlite import connections as sqlite_connections
from backend.domain.todo_repository import RepositoryUnavailableError

_TIMEOUT: Final = 10.0

_REVISION: Final = "SELECT version_num FROM alembic_version"

# It is not for superusers, nor for roles that bypass it, nor if it was switched off.
_SECURED: Final = "SELECT row_security_active('todos')"

# A table that is not there yet lacks nothing.
_LACKING: Final = """
SELECT string_agg(format('%s on %s', privileges, name), '; ' ORDER BY name)
FROM (
    SELECT name, string_agg(privilege, ', ') AS privileges
    FROM (VALUES
        ('todos', 'SELECT'), ('todos', 'INSERT'), ('todos', 'UPDATE'), ('todos', 'DELETE'),
        ('idempotency_keys', 'SELECT'), ('idempotency_keys', 'INSERT'),
        ('idempotency_keys', 'UPDATE'), ('idempotency_keys', 'DELETE'),
        ('cursor_key', 'SELECT'), ('alembic_version', 'SELECT')
    ) AS needed (name, privilege)
    WHERE NOT has_table_privilege(to_regclass(name), privilege)
    GROUP BY name
) AS lacking
"""

_SQLITE_MIGRATED: Final = "SELECT name FROM sqlite_master WHERE name = 'alembic_version'"


class MissingFolderError(RepositoryUnavailableError):
    """The folder of an SQLite file does not exist."""


async def upgrade(url: str) -> None:
    """Bring the schema up to date; a missing SQLite file is made, a later schema is left alone.

    Args:
        url: The database, as its repository takes it.

    Raises:
        ValueError: The URL is not one of a database.
        RepositoryUnavailableError: The database cannot be reached, or refuses.
    """
    await _migrate(url, "upgrade", "head")


async def downgrade(url: str, revision: str) -> None:
    """Take the schema back to a revision, and with it what later ones kept.

    Args:
        url: The database, as its repository takes it.
        revision: The revision to end at; `base` is the one before all, `-1` the one before this.

    Raises:
        ValueError: There is no such revision, or the URL is not one of a database.
        RepositoryUnavailableError: The database cannot be reached, or refuses.
    """
    await _migrate(url, "downgrade", revision)


async def current(url: str) -> str | None:
    """Return the revision of the schema, if it has any.

    Raises:
        ValueError: The URL is not one of a database.
        RepositoryUnavailableError: The database cannot be reached.
    """
    if url.startswith("sqlite:"):
        path = _sqlite_path(url)
        return await _sqlite_revision(path) if path.exists() else None
    revision: str | None = await _ask_postgres(url, _REVISION)
    return revision


async def is_current(url: str) -> bool:
    """Return whether this program can serve from the schema as it is.

    So it can from a later one: while a new release is rolled out, or back, both run.

    Raises:
        ValueError: The URL is not one of a database.
        RepositoryUnavailableError: The database cannot be reached.
    """
    return not is_behind(await current(url))


async def is_secured(url: str) -> bool:
    """Return whether PostgreSQL hides from the role of this URL what is not the acting user's.

    Raises:
        ValueError: The URL is not one of PostgreSQL.
        RepositoryUnavailableError: The database cannot be reached.
    """
    return bool(await _ask_postgres(url, _SECURED))


async def lacking_privileges(url: str) -> str:
    """Return what PostgreSQL does not allow the role of this URL to do, though a server has to.

    Raises:
        ValueError: The URL is not one of PostgreSQL.
        RepositoryUnavailableError: The database cannot be reached.
    """
    return await _ask_postgres(url, _LACKING) or ""


async def _migrate(url: str, command: Command, revision: str) -> None:
    # SQLAlchemy takes half a second to import, and memory: no server that starts should pay that.
    from backend.adapters.persistence.schema import migration  # noqa: PLC0415 - see above

    if url.startswith("sqlite:"):
        path = _sqlite_path(url)
        with sqlite_connections.reported_outages():
            file = await sqlite_connections.connect(path, busy_timeout=_TIMEOUT, create=True)
        await migration.run("sqlite+aiosqlite", file, command, revision)
    else:
        with postgres_connections.reported_outages(connecting=True):
            server = await asyncpg.connect(postgres_connections.database_url(url), timeout=_TIMEOUT)
        await migration.run("postgresql+asyncpg", server, command, revision)


def _sqlite_path(url: str) -> Path:
    path = sqlite_connections.database_path(url)
    if not path.parent.is_dir():
        raise MissingFolderError(f"the folder {path.parent} does not exist")
    return path


async def _sqlite_revision(path: Path) -> str | None:
    with sqlite_connections.reported_outages():
        file = await sqlite_connections.connect(path, busy_timeout=_TIMEOUT)
        try:
            migrated = list(await file.execute_fetchall(_SQLITE_MIGRATED))
            rows = list(await file.execute_fetchall(_REVISION)) if migrated else []
        finally:
            await file.close()
    return rows[0][0] if rows else None


async def _ask_postgres(url: str, question: str) -> Any:
    with postgres_connections.reported_outages(connecting=True):
        server = await asyncpg.connect(
            postgres_connections.database_url(url), timeout=_TIMEOUT, command_timeout=_TIMEOUT
        )
    with postgres_connections.reported_outages():
        try:
            return await server.fetchval(question)
        except asyncpg.UndefinedTableError:
            return None
        except asyncpg.InsufficientPrivilegeError as error:
            raise RepositoryUnavailableError(f"{type(error).__name__}: {error}") from error
        finally:
            await server.close(timeout=_TIMEOUT)
