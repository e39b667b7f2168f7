"""Which errors of PostgreSQL and its driver mean that the database is unavailable."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg

from backend.domain.todo_repository import RepositoryUnavailableError

# SQLSTATE codes (PostgreSQL manual, appendix A), in full or by class, that pass without a change
# to this program.
_UNAVAILABLE: Final = (
    "08",  # connection exception
    "25006",  # read-only transaction: this server was the primary until now
    "40",  # deadlock, serialization failure
    "42704",  # no such type: not migrated yet
    "42P01",  # no such table: not migrated yet
    "53",  # insufficient resources, too many connections
    "55P03",  # lock not available
    "57",  # query cancelled, server shutting down or starting up
    "58",  # system error
)

DRIVER_ERRORS: Final = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server sent a message outside the protocol, then closed
    asyncpg.PostgresError,
)


@contextmanager
def translated_errors(*, connecting: bool = False) -> Iterator[None]:
    """Raise `RepositoryUnavailableError` for errors which mean that the database is unavailable.

    Args:
        connecting: Whether the block only connects. Then every error of the server counts.
    """
    try:
        yield
    except DRIVER_ERRORS as error:
        if isinstance(error, asyncpg.PostgresError):
            unavailable = connecting or (error.sqlstate or "").startswith(_UNAVAILABLE)
        else:
            # asyncpg raises ValueErrors for bad arguments, but ssl also does for a certificate.
            unavailable = isinstance(error, OSError) or not isinstance(error, ValueError)
        if not unavailable:
            raise
        reason = str(error) or "timed out"  # a TimeoutError has no message
        raise RepositoryUnavailableError(f"{type(error).__name__}: {reason}") from error
