"""Why a database cannot be used, and what an operator can do.

Imports the drivers of both databases, so it is imported only if a database fails.
"""

import socket
import sqlite3
import ssl
from collections.abc import Iterator, Mapping
from typing import Final

import asyncpg

from backend.adapters.persistence.postgres.url import UrlParameterError
from backend.adapters.persistence.schema.remedies import GRANT
from backend.adapters.persistence.sqlite.errors import UnusableFileError
from backend.domain.todo_repository import RepositoryUnavailableError

_UNREADABLE: Final = "the driver cannot read DATABASE_URL"
_READABLE: Final = (
    "Set DATABASE_URL to a URL that names the database, with its password percent-encoded (`@` is"
    " %40, `/` is %2F, `#` is %23, `?` is %3F)."
)

_LOGIN: Final = (
    "Correct the user and the password in DATABASE_URL. Special characters are percent-encoded"
    " (`@` is %40, `/` is %2F, `#` is %23, `%` is %25)."
)
_NOT_ADMITTED: Final = (
    "Correct the user in DATABASE_URL, or admit the user in pg_hba.conf. If the server requires"
    " TLS, add ?sslmode=require."
)
_NO_DATABASE: Final = (
    "Create the database (CREATE DATABASE), or correct its name at the end of DATABASE_URL."
)
_CERTIFICATE: Final = (
    "The server's TLS certificate is not trusted here. Add ?sslrootcert= and your CA's certificate"
    " to DATABASE_URL."
)
_NO_TLS: Final = (
    "Turn on TLS on the server, or leave sslmode out of DATABASE_URL if you trust the network."
)
_NO_HOST: Final = (
    "Correct the host in DATABASE_URL. If the password contains special characters,"
    " percent-encode them (`@` is %40, `/` is %2F, `#` is %23, `?` is %3F)."
)
_FULL: Final = (
    "Lower DATABASE_POOL_SIZE or WORKERS, or raise the server's max_connections: see"
    " docs/scaling.md."
)

_PARAMETER: Final = "Remove the parameter from DATABASE_URL, or correct it."
_POOLER: Final = (
    "A pooler refuses this parameter. Set DATABASE_PREPARED_STATEMENTS=off, and remove the"
    " parameter from DATABASE_URL if it is there: see docs/scaling.md, PgBouncer."
)

_FILE: Final = (
    "Correct the path in DATABASE_URL, or let the user of the server read and write the file and"
    " its folder."
)
# By SQLite's primary result code.
_FILES: Final[Mapping[int, str]] = {
    sqlite3.SQLITE_NOTADB: (
        "The file is not an SQLite database. Correct the path in DATABASE_URL, or move the file"
        " away and run `python -m backend migrate`."
    ),
    sqlite3.SQLITE_CORRUPT: "The file is damaged. Restore a backup: see docs/backup.md.",
    sqlite3.SQLITE_BUSY: "Another process has locked the file in DATABASE_URL. Stop that process.",
    sqlite3.SQLITE_FULL: "The disk is full. Make room on the disk of the file in DATABASE_URL.",
}

_REMEDIES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (asyncpg.InvalidPasswordError, _LOGIN),
    (asyncpg.InvalidAuthorizationSpecificationError, _NOT_ADMITTED),
    (asyncpg.InvalidCatalogNameError, _NO_DATABASE),
    (asyncpg.InsufficientPrivilegeError, GRANT),
    (asyncpg.TooManyConnectionsError, _FULL),
    (asyncpg.UndefinedObjectError, _PARAMETER),
    (asyncpg.InvalidParameterValueError, _PARAMETER),
    (asyncpg.CantChangeRuntimeParamError, _PARAMETER),
    (ssl.SSLError, _CERTIFICATE),
    (socket.gaierror, _NO_HOST),
)


def explain_failure(error: Exception) -> tuple[str, str]:
    """Return the problem with a database, and its remedy.

    Args:
        error: The exception that a check or a migration of the database raised.
    """
    if isinstance(error, UnusableFileError | UrlParameterError):
        return str(error), error.remedy
    if isinstance(error, RepositoryUnavailableError):
        outcome = "cannot be reached" if is_outage(error) else "refuses"
        return f"{outcome}: {error}", _for_outage(error)
    return _UNREADABLE, _READABLE  # the driver's message may quote the password


def is_outage(error: Exception) -> bool:
    """Return whether an error means that a server cannot be reached; see `explain_failure`."""
    unavailable = isinstance(error, RepositoryUnavailableError)
    return unavailable and _for_outage(error) != GRANT


def _for_outage(error: Exception) -> str:
    """Return the remedy for a database that cannot be reached, or refuses.

    Args:
        error: The exception, with its causes.
    """
    causes = list(_causes(error))
    if any("rejected SSL" in str(cause) for cause in causes):
        return _NO_TLS
    if any("unsupported startup parameter" in str(cause) for cause in causes):
        return _POOLER
    for cause in causes:
        if isinstance(cause, sqlite3.Error):
            return _FILES.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF, _FILE)
    for kind, remedy in _REMEDIES:
        if any(isinstance(cause, kind) for cause in causes):
            return remedy
    return "Start the database, or correct DATABASE_URL."


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
