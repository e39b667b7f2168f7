"""The entries in an SQLite file that revoke tokens."""

from collections.abc import Sequence
from typing import Final

import aiosqlite

from backend.adapters.persistence.permits import PROGRAM
from backend.adapters.persistence.sqlite.database import SqliteDatabase
from backend.domain.revocation import (
    MAX_REVOCATIONS,
    Revocation,
    RevocationKind,
    TooManyRevocationsError,
)

_LIST: Final = "SELECT kind, value, issued_before, expires_at FROM revocations"

_DELETE_EXPIRED: Final = "DELETE FROM revocations WHERE expires_at <= :now"

# Adds no entry if there are too many, unless there is already an entry of this kind and value.
# max() of NULL is NULL, which both entries of a session or a token have.
_ADD: Final = """
INSERT INTO revocations AS known (kind, value, issued_before, expires_at)
SELECT :kind, :value, :issued_before, :expires_at
WHERE (SELECT count(*) FROM revocations) < :maximum
   OR EXISTS (SELECT 1 FROM revocations WHERE kind = :kind AND value = :value)
ON CONFLICT (kind, value) DO UPDATE
SET issued_before = max(known.issued_before, excluded.issued_before),
    expires_at = max(known.expires_at, excluded.expires_at)
"""


class SqliteRevocationStore:
    """Implements `RevocationStore`.

    Args:
        database: The database, which the caller opens and closes.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._readers = database.readers
        self._writer = database.writer

    async def add(self, revocation: Revocation, /, *, now: float) -> None:
        """Add an entry; see `RevocationStore`."""
        values = {
            "kind": revocation.kind.value,
            "value": revocation.value,
            "issued_before": revocation.issued_before,
            "expires_at": revocation.expires_at,
            "maximum": MAX_REVOCATIONS,
        }

        async def write(connection: aiosqlite.Connection) -> int:
            await connection.execute("BEGIN IMMEDIATE")
            await connection.execute(_DELETE_EXPIRED, {"now": now})
            added = (await connection.execute(_ADD, values)).rowcount
            await connection.commit()
            return added

        if not await self._writer.run(write, user_id=PROGRAM):
            raise TooManyRevocationsError(f"there are {MAX_REVOCATIONS} revocations already")

    async def list(self) -> Sequence[Revocation]:
        """Return all entries; see `RevocationStore`."""
        rows = await self._readers.fetch(_LIST, {})
        return [
            Revocation(
                kind=RevocationKind(kind), value=value, issued_before=before, expires_at=expires_at
            )
            for kind, value, before, expires_at in rows
        ]
