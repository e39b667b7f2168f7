"""The choice of the database and its repository, and the check of its schema."""

import functools
import logging
from typing import Any, Final, assert_never

from backend.adapters.persistence.database import MigratedDatabase
from backend.adapters.persistence.memory import (
    InMemoryDatabase,
    InMemoryRevocationStore,
    InMemoryTodoRepository,
    InMemoryUserData,
)
from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.adapters.persistence.postgres.repository import PostgresTodoRepository
from backend.adapters.persistence.postgres.revocations import PostgresRevocationStore
from backend.adapters.persistence.postgres.user_data import PostgresUserData
from backend.adapters.persistence.schema import diagnosis
from backend.adapters.persistence.sqlite.database import SqliteDatabase
from backend.adapters.persistence.sqlite.repository import SqliteTodoRepository
from backend.adapters.persistence.sqlite.revocations import SqliteRevocationStore
from backend.adapters.persistence.sqlite.user_data import SqliteUserData
from backend.domain.revocation import RevocationStore
from backend.domain.todo import MAX_PER_USER
from backend.domain.todo_repository import TodoRepository
from backend.domain.user_data import UserData
from backend.settings import Complaint, ConfigurationError, Settings

# A server needs these checks to pass. Row-level security is only a second line of defence.
_REQUIRED_CHECKS: Final = frozenset({"database", "privileges", "migrations"})

_log = logging.getLogger(__name__)


def choose_database(settings: Settings, tracer: Any = None) -> PostgresDatabase | SqliteDatabase:
    """Return the database that `DATABASE_URL` names.

    Args:
        settings: The URL and the limits.
        tracer: Makes a span of each statement; None if nothing is traced.
    """
    url = settings.database_url.get_secret_value()
    limits: dict[str, Any] = {
        "pool_size": settings.database_pool_size,
        "connect_timeout": settings.database_connect_timeout,
        "statement_timeout": settings.database_statement_timeout,
    }
    if url.startswith("sqlite:"):
        if tracer is not None:
            from backend.adapters.tracing import sqlite  # noqa: PLC0415 - tracing is off mostly

            limits["make_connections"] = functools.partial(
                sqlite.TracedSqliteConnections, tracer=tracer
            )
        return SqliteDatabase(url, **limits)
    if tracer is not None:
        from backend.adapters.tracing import postgres  # noqa: PLC0415 - tracing is off mostly

        limits["make_connections"] = functools.partial(
            postgres.TracedPostgresConnections, tracer=tracer
        )
    return PostgresDatabase(url, **limits, statement_cache=settings.database_prepared_statements)


def choose_todos(
    database: PostgresDatabase | SqliteDatabase | InMemoryDatabase,
    *,
    max_per_user: int = MAX_PER_USER,
) -> TodoRepository:
    """Return the repository of todos in a database.

    Args:
        database: The database.
        max_per_user: The maximum number of todos that a user has.
    """
    match database:
        case PostgresDatabase():
            return PostgresTodoRepository(database, max_per_user=max_per_user)
        case SqliteDatabase():
            return SqliteTodoRepository(database, max_per_user=max_per_user)
        case InMemoryDatabase():
            return InMemoryTodoRepository(database, max_per_user=max_per_user)
        case _:
            assert_never(database)


def choose_user_data(
    database: PostgresDatabase | SqliteDatabase | InMemoryDatabase,
) -> UserData:
    """Return everything that a database stores for users."""
    match database:
        case PostgresDatabase():
            return PostgresUserData(database)
        case SqliteDatabase():
            return SqliteUserData(database)
        case InMemoryDatabase():
            return InMemoryUserData(database)
        case _:
            assert_never(database)


def choose_revocation_store(
    database: PostgresDatabase | SqliteDatabase | InMemoryDatabase,
) -> RevocationStore:
    """Return the store of revocations in a database."""
    match database:
        case PostgresDatabase():
            return PostgresRevocationStore(database)
        case SqliteDatabase():
            return SqliteRevocationStore(database)
        case InMemoryDatabase():
            return InMemoryRevocationStore()
        case _:
            assert_never(database)


async def check_schema(database: MigratedDatabase) -> None:
    """Check that a server can use the database. Log a warning about settings that are less safe.

    Raises:
        ConfigurationError: The database cannot be reached, its schema is out of date, or the role
            lacks privileges.
    """
    complaints = []
    is_server = isinstance(database, PostgresDatabase)  # which can come back; a path is wrong
    for finding in await diagnosis.diagnose_database(database):
        if finding.problem and finding.check in _REQUIRED_CHECKS:
            complaint = Complaint(
                "DATABASE_URL",
                finding.problem,
                finding.remedy or "",
                is_temporary=is_server and finding.is_temporary,
            )
            complaints.append(complaint)
        elif finding.problem:
            _log.warning("%s: %s. %s", finding.check, finding.problem, finding.remedy)
    if complaints:
        raise ConfigurationError(complaints)
