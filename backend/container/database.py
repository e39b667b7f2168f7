"""The repository and its schema, as the settings say."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from backend.adapters.persistence import schema
from backend.adapters.persistence.diagnosis import diagnose_database
from backend.adapters.persistence.postgres import PostgresTodoRepository
from backend.adapters.persistence.sqlite import SqliteTodoRepository
from backend.domain.diagnosis import Finding
from backend.domain.todo import TodoRepository, TodoRepositoryUnavailableError
from backend.settings import ConfigurationError, Settings


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
        ConfigurationError: The database cannot be reached.
    """
    with _database_complaint():
        await schema.upgrade(settings.database_url.get_secret_value())


async def check_schema(settings: Settings) -> None:
    """Check that todos can be kept.

    Raises:
        ConfigurationError: The database cannot be reached, or has an old schema.
    """
    with _database_complaint():
        if not await schema.is_current(settings.database_url.get_secret_value()):
            complaint = "the schema is out of date. Run `python -m backend migrate`."
            raise ConfigurationError([f"DATABASE_URL: {complaint}"])


async def diagnose(settings: Settings) -> list[Finding]:
    """Find out whether todos can be kept, and what to do if not."""
    return await diagnose_database(settings.database_url.get_secret_value())


@contextmanager
def _database_complaint() -> Iterator[None]:
    try:
        yield
    except TodoRepositoryUnavailableError as error:
        complaint = f"the database cannot be reached: {error}. Start it, or mend the URL."
        raise ConfigurationError([f"DATABASE_URL: {complaint}"]) from None
    except (OverflowError, ValueError):  # whose message may quote the password
        complaint = "the driver cannot read it. Set it to a URL that names the database."
        raise ConfigurationError([f"DATABASE_URL: {complaint}"]) from None
