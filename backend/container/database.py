"""The choice of the database and its repositories, and its schema."""

import logging
from typing import Any, Final, assert_never

from backend.adapters.persistence.database import Database, MigratedDatabase
from backend.adapters.persistence.schema import diagnosis
from backend.container.repositories import Repositories
from backend.domain.revocation import RevocationStore
from backend.domain.todo import MAX_PER_USER
from backend.domain.todo_repository import TodoRepository
from backend.domain.user_data import UserData
from backend.settings import Complaint, ConfigurationError, Settings

# A server needs these checks to pass. Row-level security is only a second line of defence.
_REQUIRED_CHECKS: Final = frozenset({"database", "privileges", "migrations"})

_log = logging.getLogger(__name__)


def choose_database(settings: Settings, tracer: Any = None) -> MigratedDatabase:
    """Return the database that `DATABASE_URL` names. Only the driver of that database is imported.

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
        from backend.container import sqlite  # noqa: PLC0415 - see above

        return sqlite.make_database(url, tracer, **limits)
    from backend.container import postgres  # noqa: PLC0415 - see above

    cache = settings.database_prepared_statements
    return postgres.make_database(url, tracer, **limits, statement_cache=cache)


def repositories_of(database: Database) -> Repositories:
    """Return what stores everything in a database. Only the driver of that database is imported."""
    match database.name:
        case "PostgreSQL":
            from backend.container.postgres import REPOSITORIES  # noqa: PLC0415 - see above
        case "SQLite":
            from backend.container.sqlite import REPOSITORIES  # noqa: PLC0415 - see above
        case "memory":
            from backend.container.memory import REPOSITORIES  # noqa: PLC0415 - see above
        case product:
            assert_never(product)
    return REPOSITORIES


def choose_todos(database: Database, *, max_per_user: int = MAX_PER_USER) -> TodoRepository:
    """Return the repository of todos in a database.

    Args:
        database: The database.
        max_per_user: The maximum number of todos that a user has.
    """
    return repositories_of(database).todos(database, max_per_user=max_per_user)


def choose_user_data(database: Database) -> UserData:
    """Return everything that a database stores for users."""
    return repositories_of(database).user_data(database)


def choose_revocation_store(database: Database) -> RevocationStore:
    """Return the store of revocations in a database."""
    return repositories_of(database).revocations(database)


async def check_schema(database: MigratedDatabase) -> None:
    """Check that a server can use the database. Log a warning about settings that are less safe.

    Raises:
        ConfigurationError: The database cannot be reached, its schema is out of date, or the role
            lacks privileges.
    """
    complaints = []
    is_server = database.name == "PostgreSQL"  # which can come back; a path is wrong
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


async def migrate_schema(database: MigratedDatabase, *arguments: Any, **options: Any) -> None:
    """Migrate the schema; see `migrations.migrate_schema`, which servers do not import."""
    from backend.container import migrations  # noqa: PLC0415 - imports both drivers

    await migrations.migrate_schema(database, *arguments, **options)
