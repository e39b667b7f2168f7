"""Upgrades and downgrades of the schema.

An upgrade or downgrade is a single transaction. Concurrent migrations wait for each other.
"""

from collections.abc import Callable

from backend.adapters.persistence.database import MigratedDatabase

Record = Callable[[str], None]


async def upgrade(
    database: MigratedDatabase, revision: str = "head", *, record: Record | None = None
) -> None:
    """Upgrade the schema; a schema of a later release stays as it is.

    A missing SQLite file is created.

    Args:
        database: The database.
        revision: The revision to end at; the latest known revision by default.
        record: Gets each statement that changes the database. Then the migration is undone.

    Raises:
        ValueError: The driver cannot read the URL of the database.
        RepositoryUnavailableError: The database cannot be reached, or refuses the change.
    """
    await _migrate(database, "upgrade", revision, record)


async def downgrade(
    database: MigratedDatabase, revision: str, *, record: Record | None = None
) -> None:
    """Downgrade the schema to a revision. The data of later revisions is lost.

    Args:
        database: The database.
        revision: The revision to end at: `base` for no schema, `-1` for the previous revision.
        record: Gets each statement that changes the database. Then the migration is undone.

    Raises:
        ValueError: There is no such revision, or the driver cannot read the URL of the database.
        RepositoryUnavailableError: The database cannot be reached, or refuses the change.
    """
    await _migrate(database, "downgrade", revision, record)


async def _migrate(
    database: MigratedDatabase, command: str, revision: str, record: Record | None
) -> None:
    # Importing SQLAlchemy takes half a second and much memory, which `serve` does not need.
    from backend.adapters.persistence.schema import migration  # noqa: PLC0415 - see above

    connection = await database.connect_for_migration()
    await migration.run(database.dialect, connection, command, revision, record=record)
