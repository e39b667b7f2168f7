"""Deletes all data that an SQLite file stores for a user."""

from collections.abc import Mapping

import aiosqlite

from backend.adapters.persistence.sqlite.database import SqliteDatabase
from backend.adapters.persistence.user_tables import REMOVAL_TIMEOUT, USER_TABLES


class SqliteUserData:
    """Implements `UserData`.

    Args:
        database: The database, which the caller opens and closes.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._writer = database.writer

    async def remove(self, user_id: str, /) -> Mapping[str, int]:
        """Delete everything that is stored for a user; see `UserData`."""

        async def write(connection: aiosqlite.Connection) -> Mapping[str, int]:
            await connection.execute("BEGIN IMMEDIATE")
            counts = {}
            for table in USER_TABLES:
                delete = f"DELETE FROM {table} WHERE user_id = ?"  # noqa: S608 - a constant
                counts[table] = (await connection.execute(delete, (user_id,))).rowcount
            await connection.commit()
            return counts

        return await self._writer.run(write, user_id=user_id, timeout=REMOVAL_TIMEOUT)
