"""Deletes all data that PostgreSQL stores for a user."""

from collections.abc import Mapping
from typing import Final

from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.adapters.persistence.user_tables import REMOVAL_TIMEOUT, USER_TABLES

_DELETE: Final = "removed_{0} AS (DELETE FROM {0} WHERE user_id = $1::acting_user RETURNING 1)"
_COUNT: Final = "(SELECT count(*) FROM removed_{0})"

# The whole statement has a single snapshot. So the statement deletes both the todo of a concurrent
# request and the key of that request, or neither: a repeated request never returns a deleted todo.
_REMOVE: Final = "WITH {} SELECT {}".format(
    ", ".join(map(_DELETE.format, USER_TABLES)), ", ".join(map(_COUNT.format, USER_TABLES))
)


class PostgresUserData:
    """Implements `UserData`.

    Args:
        database: The database, which the caller opens and closes.
    """

    def __init__(self, database: PostgresDatabase) -> None:
        self._connections = database.connections

    async def remove(self, user_id: str, /) -> Mapping[str, int]:
        """Delete everything that is stored for a user; see `UserData`."""
        (counts,) = await self._connections.fetch_long(_REMOVE, user_id, timeout=REMOVAL_TIMEOUT)
        return dict(zip(USER_TABLES, counts, strict=True))
