"""Migrates the schema of the database, for the command line."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from backend.adapters.persistence.database import MigratedDatabase
from backend.adapters.persistence.schema import failures, revisions, upgrades
from backend.adapters.persistence.sqlite.database import SqliteDatabase
from backend.domain.todo_repository import RepositoryUnavailableError
from backend.settings import Complaint, ConfigurationError

_ALLOW: Final = "Add --downgrade if the data of later revisions may be deleted."


async def migrate_schema(
    database: MigratedDatabase,
    revision: str | None = None,
    *,
    downgrade: bool = False,
    record: Callable[[str], None] | None = None,
) -> None:
    """Migrate the schema to a revision.

    Args:
        database: The database.
        revision: The revision to end at; None for the latest.
        downgrade: Whether the revision may be older than that of the schema.
        record: Receives each statement that changes the database. With `record`, the migration is
            undone.

    Raises:
        ConfigurationError: The database cannot be reached or refuses the change, or the revision
            is unknown or too old.
    """
    known = revisions.known_revisions()
    if revision is not None and revision not in known:
        problem = f"there is no revision {revision}"
        raise ConfigurationError([Complaint("--to", problem, f"Choose one of {', '.join(known)}.")])
    try:
        if record and isinstance(database, SqliteDatabase) and not database.exists():
            with tempfile.TemporaryDirectory() as folder:  # so that no file is created
                database = SqliteDatabase(f"sqlite:///{Path(folder) / 'todos.db'}")
                await upgrades.upgrade(database, revision or "head", record=record)
            return
        current = await database.revision() if revision else None
        if revision is None or current is None or current <= revision:
            await upgrades.upgrade(database, revision or "head", record=record)
        elif current not in known:
            problem = f"the schema is at revision {current}, from a later release"
            remedy = "Downgrade with that release."
            raise ConfigurationError([Complaint("--to", problem, remedy)])
        elif downgrade:
            await upgrades.downgrade(database, revision, record=record)
        else:
            problem = f"the schema is at revision {current}, which is later than {revision}"
            raise ConfigurationError([Complaint("--to", problem, _ALLOW)])
    except (RepositoryUnavailableError, OverflowError, ValueError) as error:
        problem, remedy = failures.explain_failure(error)
        is_outage = database.name == "PostgreSQL" and failures.is_outage(error)
        complaint = Complaint("DATABASE_URL", problem, remedy, is_temporary=is_outage)
        raise ConfigurationError([complaint]) from None
