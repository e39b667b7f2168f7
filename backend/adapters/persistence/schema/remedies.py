"""What to do about a database that cannot be used."""

import socket
import ssl
from collections.abc import Iterator
from typing import Final

import asyncpg

MIGRATE: Final = "Run `python -m backend migrate`."
GRANT: Final = (
    "Migrate as the owner of the tables, and grant the server's role what it needs: the statements"
    " are in docs/scaling.md, Roles."
)
UNREADABLE: Final = "the driver cannot read DATABASE_URL"
READABLE: Final = (
    "Set DATABASE_URL to a URL that names the database, its password percent-encoded (`@` is %40,"
    " `/` is %2F, `#` is %23, `?` is %3F)."
)
NO_FOLDER: Final = "Create it, or mend DATABASE_URL."

_LOGIN: Final = (
    "Mend user and password in DATABASE_URL; special characters are percent-encoded (`@` is %40,"
    " `/` is %2F, `#` is %23, `%` is %25)."
)
_NOT_LET_IN: Final = (
    "Mend the user in DATABASE_URL, or let it in (pg_hba.conf); where TLS is asked for, add"
    " ?sslmode=require."
)
_NO_DATABASE: Final = "Create it (CREATE DATABASE), or mend the name at the end of DATABASE_URL."
_CERTIFICATE: Final = (
    "Its certificate is not good here: name its authority's in DATABASE_URL, with ?sslrootcert=."
)
_NO_TLS: Final = (
    "Turn TLS on there, or leave sslmode out of DATABASE_URL if the network is your own."
)
_NO_HOST: Final = (
    "Mend the host in DATABASE_URL. (A special character of a password may have cut it short:"
    " `@` is %40, `/` is %2F, `#` is %23, `?` is %3F.)"
)
_FULL: Final = (
    "Lower DATABASE_POOL_SIZE or WORKERS, or raise max_connections there: see docs/scaling.md."
)

_REMEDIES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (asyncpg.InvalidPasswordError, _LOGIN),
    (asyncpg.InvalidAuthorizationSpecificationError, _NOT_LET_IN),
    (asyncpg.InvalidCatalogNameError, _NO_DATABASE),
    (asyncpg.InsufficientPrivilegeError, GRANT),
    (asyncpg.TooManyConnectionsError, _FULL),
    (ssl.SSLError, _CERTIFICATE),
    (socket.gaierror, _NO_HOST),
)


def of_outage(error: Exception) -> str:
    """Return what to do about a database that cannot be reached, or refuses.

    Args:
        error: What was raised, with its causes.
    """
    causes = list(_causes(error))
    if any("rejected SSL" in str(cause) for cause in causes):
        return _NO_TLS
    for kind, remedy in _REMEDIES:
        if any(isinstance(cause, kind) for cause in causes):
            return remedy
    return "Start the database, or mend DATABASE_URL."


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
