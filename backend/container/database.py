"""The choice of the database and its repository, and what commands do to its schema.

The adapters are imported when they are used: authentication works without any driver installed.
"""
# ruff: noqa: PLC0415 - see above

import logging
from pathlib import Path
from typing import Any, Final

from backend.adapters.persistence.database import Database, MigratedDatabase
from backend.domain.diagnosis import Finding
from backend.domain.todo import MAX_PER_USER
from backend.domain.todo_repository import RepositoryUnavailableError, TodoRepository
from backend.settings import Complaint, ConfigurationError, Settings

# A server needs these checks to pass. Row-level security is only a second line of defence.
_REQUIRED_CHECKS: Final = frozenset({"database", "privileges", "migrations"})

_log = logging.getLogger(__name__)


def choose_database(settings: Settings) -> MigratedDatabase:
    """Return the database that `DATABASE_URL` names."""
    url = settings.database_url.get_secret_value()
    limits: dict[str, Any] = {
        "pool_size": settings.database_pool_size,
        "connect_timeout": settings.database_connect_timeout,
        "statement_timeout": settings.database_statement_timeout,
    }
    if url.startswith("sqlite:"):
        from backend.adapters.persistence.sqlite.database import SqliteDatabase

        return SqliteDatabase(url, **limits)
    from backend.adapters.persistence.postgres.database import PostgresDatabase

    return PostgresDatabase(url, **limits, statement_cache=settings.database_prepared_statements)


def choose_todos(database: Database, *, max_per_user: int = MAX_PER_USER) -> TodoRepository:
    """Return the repository of todos in a database.

    Args:
        database: The database.
        max_per_user: The maximum number of todos that a user has.

    Raises:
        TypeError: There is no repository for this class of databases.
    """
    from backend.adapters.persistence.memory import InMemoryDatabase, InMemoryTodoRepository
    from backend.adapters.persistence.postgres.database import PostgresDatabase
    from backend.adapters.persistence.postgres.repository import PostgresTodoRepository
    from backend.adapters.persistence.sqlite.database import SqliteDatabase
    from backend.adapters.persistence.sqlite.repository import SqliteTodoRepository

    match database:
        case PostgresDatabase():
            return PostgresTodoRepository(database, max_per_user=max_per_user)
        case SqliteDatabase():
            return SqliteTodoRepository(database, max_per_user=max_per_user)
        case InMemoryDatabase():
            return InMemoryTodoRepository(max_per_user=max_per_user)
        case _:
            raise TypeError(f"no repository of todos for {type(database).__name__}")


async def upgrade_schema(database: MigratedDatabase) -> None:
    """Upgrade the schema to the latest revision.

    Raises:
        ConfigurationError: The database cannot be reached, or refuses the change.
    """
    from backend.adapters.persistence.schema import diagnosis, upgrades

    try:
        await upgrades.upgrade(database)
    except (RepositoryUnavailableError, OverflowError, ValueError) as error:
        problem, remedy = diagnosis.explain_failure(error)
        raise ConfigurationError([Complaint("DATABASE_URL", problem, remedy)]) from None


async def check_schema(database: MigratedDatabase) -> None:
    """Check that a server can use the database. Log a warning about what makes it less safe.

    Raises:
        ConfigurationError: The database cannot be reached, its schema is out of date, or the role
            lacks privileges.
    """
    complaints = []
    for finding in await diagnose_database(database):
        if finding.problem and finding.check in _REQUIRED_CHECKS:
            complaints.append(Complaint("DATABASE_URL", finding.problem, finding.remedy or ""))
        elif finding.problem:
            _log.warning("%s: %s. %s", finding.check, finding.problem, finding.remedy)
    if complaints:
        raise ConfigurationError(complaints)


async def diagnose_database(database: MigratedDatabase) -> list[Finding]:
    """Return what `doctor` says about a database."""
    from backend.adapters.persistence.schema import diagnosis

    return await diagnosis.diagnose_database(database)


def create_revision(message: str) -> Path:
    """Create the file of a new migration. See `new_revision.create_revision`."""
    from backend.adapters.persistence.schema import new_revision

    return new_revision.create_revision(message)
