"""The repository and its schema, as the settings say."""

from typing import Any, Final

from backend.adapters.persistence import schema
from backend.adapters.persistence.postgres.repository import PostgresTodoRepository
from backend.adapters.persistence.schema.diagnosis import diagnose_database, of_failure
from backend.adapters.persistence.sqlite.repository import SqliteTodoRepository
from backend.domain.diagnosis import Finding
from backend.domain.todo_repository import RepositoryUnavailableError, TodoRepository
from backend.settings import Complaint, ConfigurationError, Settings

# What a server cannot do without. One that PostgreSQL shows every row still hides them itself.
_NEEDED: Final = frozenset({"database", "privileges", "migrations"})


def todos(settings: Settings) -> TodoRepository:
    """Choose the repository by the database's URL."""
    url = settings.database_url.get_secret_value()
    bounds: dict[str, Any] = {
        "pool_size": settings.database_pool_size,
        "connect_timeout": settings.database_connect_timeout,
        "statement_timeout": settings.database_statement_timeout,
    }
    if url.startswith("sqlite:"):
        return SqliteTodoRepository(url, **bounds)
    return PostgresTodoRepository(
        url, **bounds, statement_cache=settings.database_prepared_statements
    )


async def upgrade_schema(settings: Settings) -> None:
    """Bring the schema up to date.

    Raises:
        ConfigurationError: The database cannot be reached, or refuses.
    """
    try:
        await schema.upgrade(settings.database_url.get_secret_value())
    except (RepositoryUnavailableError, OverflowError, ValueError) as error:
        problem, remedy = of_failure(error)
        raise ConfigurationError([Complaint("DATABASE_URL", problem, remedy)]) from None


async def check_schema(settings: Settings) -> None:
    """Check that todos can be kept.

    Raises:
        ConfigurationError: The database cannot be reached, has an old schema, or allows too little.
    """
    findings = [finding for finding in await diagnose(settings) if finding.check in _NEEDED]
    complaints = [
        Complaint("DATABASE_URL", finding.problem, finding.remedy or "")
        for finding in findings
        if finding.problem
    ]
    if complaints:
        raise ConfigurationError(complaints)


async def diagnose(settings: Settings) -> list[Finding]:
    """Find out whether todos can be kept, and what to do if not."""
    return await diagnose_database(settings.database_url.get_secret_value())
