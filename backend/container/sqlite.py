"""Storage in SQLite. Imported only if `DATABASE_URL` names SQLite."""

import functools
from typing import Any, Final

from backend.adapters.persistence.sqlite.database import SqliteDatabase
from backend.adapters.persistence.sqlite.repository import SqliteTodoRepository
from backend.adapters.persistence.sqlite.revocations import SqliteRevocationStore
from backend.adapters.persistence.sqlite.user_data import SqliteUserData
from backend.container.repositories import Repositories

REPOSITORIES: Final = Repositories(
    todos=SqliteTodoRepository,
    user_data=SqliteUserData,
    revocations=SqliteRevocationStore,
)


def make_database(url: str, tracer: Any, **options: Any) -> SqliteDatabase:
    """Make the database of a URL.

    Args:
        url: The URL.
        tracer: Makes a span of each statement; None if nothing is traced.
        **options: The limits of the database.
    """
    if tracer is not None:
        from backend.adapters.tracing import sqlite  # noqa: PLC0415 - tracing is off mostly

        options["make_connections"] = functools.partial(
            sqlite.TracedSqliteConnections, tracer=tracer
        )
    return SqliteDatabase(url, **options)
