"""The errors of PostgreSQL and its driver that mean: the database is unavailable."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg

from backend.domain.todo_repository import RepositoryUnavailableError

# SQLSTATE codes (PostgreSQL manual, appendix A), in full or by class. These errors end without a
# change to this program.
_UNAVAILABLE: Final = (
    "08",  # connection exception
    "28",  # the role may no longer log in
    "3D000",  # no such database
    "3F000",  # no such schema
    "40",  # deadlock, serialization failure
    "42501",  # privileges were revoked
    "42703",  # no such column: migrated to another release
    "42704",  # no such type: not migrated yet
    "42883",  # no such function or operator: a column has another type
    "42P01",  # no such table: not migrated yet
    "53",  # insufficient resources, too many connections
    "55P03",  # lock not available
    "57",  # query cancelled, server shutting down or starting up
    "58",  # system error
)

# The codes that need a new connection, because the session of the old connection is unusable.
_NEW_CONNECTIONS: Final = (
    "0A000",  # a prepared statement would return other columns than before
    "25",  # this server was the primary until now (25006), or an open transaction has failed
    "26000",  # no such prepared statement: a pooler gave the session to another client
    "42P05",  # the prepared statement exists already: a pooler gave the session to another client
    "XX",  # a migration recreated a type that prepared statements use
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
        connecting: Whether the block only connects. In that case, every error of the server counts.
    """
    try:
        yield
    except DRIVER_ERRORS as error:
        if isinstance(error, asyncpg.PostgresError):
            unavailable = connecting or _is_unavailable(error)
        else:
            # asyncpg raises ValueErrors for bad arguments, but ssl also does for a certificate.
            unavailable = isinstance(error, OSError) or not isinstance(error, ValueError)
        if not unavailable:
            raise
        reason = str(error) or "timed out"  # a TimeoutError has no message
        raise RepositoryUnavailableError(f"{type(error).__name__}: {reason}") from error


def needs_new_connections(error: asyncpg.PostgresError) -> bool:
    """Return whether the error repeats on every connection that is open now."""
    return (error.sqlstate or "").startswith(_NEW_CONNECTIONS)


def _is_unavailable(error: asyncpg.PostgresError) -> bool:
    # A violated policy has the code of a missing privilege, but is a bug of this program.
    violated = error.server_source_function == "ExecWithCheckOptions"
    return not violated and (error.sqlstate or "").startswith(_UNAVAILABLE)
