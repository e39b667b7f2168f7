"""Storage in PostgreSQL. Imported only if `DATABASE_URL` names PostgreSQL."""

import functools
from typing import Any, Final

from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.adapters.persistence.postgres.repository import PostgresTodoRepository
from backend.adapters.persistence.postgres.revocations import PostgresRevocationStore
from backend.adapters.persistence.postgres.user_data import PostgresUserData
from backend.container.repositories import Repositories

REPOSITORIES: Final = Repositories(
    todos=PostgresTodoRepository,
    user_data=PostgresUserData,
    revocations=PostgresRevocationStore,
)


def make_database(url: str, tracer: Any, **options: Any) -> PostgresDatabase:
    """Make the database of a URL.

    Args:
        url: The URL.
        tracer: Makes a span of each statement; None if nothing is traced.
        **options: The limits of the database.
    """
    if tracer is not None:
        from backend.adapters.tracing import postgres  # noqa: PLC0415 - tracing is off mostly

        options["make_connections"] = functools.partial(
            postgres.TracedPostgresConnections, tracer=tracer
        )
    return PostgresDatabase(url, **options)
