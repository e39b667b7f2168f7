"""The schema of a database: what operators migrate.

Migrating is one transaction, over a connection to the very URL that the repositories use; whoever
else migrates at the same time waits for its end.
"""

from typing import Final, Literal

import asyncpg

from backend.adapters.persistence import postgres_connections, sqlite_connections

Command = Literal["upgrade", "downgrade"]

_TIMEOUT: Final = 10.0


async def upgrade(url: str) -> None:
    """Bring the schema up to date; a missing SQLite file is made, a later schema is left alone.

    Args:
        url: The database, as its repository takes it.

    Raises:
        ValueError: The URL is not one of a database.
        TodoRepositoryUnavailableError: The database cannot be reached, or refuses.
    """
    await _visit(url, "upgrade", "head")


async def downgrade(url: str, revision: str) -> None:
    """Take the schema back to a revision, and with it what later ones kept.

    Args:
        url: The database, as its repository takes it.
        revision: The revision to end at; `base` is the one before all, `-1` the one before this.

    Raises:
        ValueError: There is no such revision, or the URL is not one of a database.
        TodoRepositoryUnavailableError: The database cannot be reached, or refuses.
    """
    await _visit(url, "downgrade", revision)


async def current(url: str) -> str | None:
    """Return the revision of the schema, if it has any.

    Raises:
        ValueError: The URL is not one of a database.
        TodoRepositoryUnavailableError: The database cannot be reached.
    """
    revision, _ = await _visit(url)
    return revision


async def is_current(url: str) -> bool:
    """Return whether this program can serve from the schema as it is.

    So it can from a later one: while a new release is rolled out, or back, both run.

    Raises:
        ValueError: The URL is not one of a database.
        TodoRepositoryUnavailableError: The database cannot be reached.
    """
    _, behind = await _visit(url)
    return not behind


async def _visit(
    url: str, command: Command | None = None, revision: str = ""
) -> tuple[str | None, bool]:
    # Alembic and SQLAlchemy take half a second to import, which no start of a server should wait.
    from backend.adapters.persistence import migration  # noqa: PLC0415 - see above

    if url.startswith("sqlite:"):
        path = sqlite_connections.database_path(url)
        if command is None and not path.exists():
            return None, True
        with sqlite_connections.reported_outages():
            file = await sqlite_connections.connect(path, busy_timeout=_TIMEOUT, create=True)
        return await migration.visit("sqlite+aiosqlite", file, command, revision)
    with postgres_connections.reported_outages(connecting=True):
        server = await asyncpg.connect(postgres_connections.database_url(url), timeout=_TIMEOUT)
    return await migration.visit("postgresql+asyncpg", server, command, revision)
