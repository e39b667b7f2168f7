"""The entries in PostgreSQL that revoke tokens. Operators add entries; servers read them."""

from collections.abc import Sequence
from typing import Final

from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.domain.revocation import (
    MAX_REVOCATIONS,
    Revocation,
    RevocationKind,
    TooManyRevocationsError,
)

_LIST: Final = "SELECT kind, value, issued_before, expires_at FROM revocations"

_DELETE_EXPIRED: Final = "DELETE FROM revocations WHERE expires_at <= $1"

# Adds no entry if there are too many, unless there is already an entry of this kind and value.
# GREATEST ignores NULL.
_ADD: Final = """
INSERT INTO revocations AS known (kind, value, issued_before, expires_at)
SELECT $1, $2, $3, $4
WHERE (SELECT count(*) FROM revocations) < $5
   OR EXISTS (SELECT FROM revocations WHERE kind = $1 AND value = $2)
ON CONFLICT (kind, value) DO UPDATE
SET issued_before = GREATEST(known.issued_before, excluded.issued_before),
    expires_at = GREATEST(known.expires_at, excluded.expires_at)
RETURNING 1
"""


class PostgresRevocationStore:
    """Implements `RevocationStore`.

    Args:
        database: The database, which the caller opens and closes.
    """

    def __init__(self, database: PostgresDatabase) -> None:
        self._connections = database.connections

    async def add(self, revocation: Revocation, /, *, now: float) -> None:
        """Add an entry; see `RevocationStore`."""
        await self._connections.ask(_DELETE_EXPIRED, now)
        added = await self._connections.ask(
            _ADD,
            revocation.kind.value,
            revocation.value,
            revocation.issued_before,
            revocation.expires_at,
            MAX_REVOCATIONS,
        )
        if not added:
            raise TooManyRevocationsError(f"there are {MAX_REVOCATIONS} revocations already")

    async def list(self) -> Sequence[Revocation]:
        """Return all entries; see `RevocationStore`."""
        rows = await self._connections.ask(_LIST)
        return [
            Revocation(
                kind=RevocationKind(kind), value=value, issued_before=before, expires_at=expires_at
            )
            for kind, value, before, expires_at in rows
        ]
