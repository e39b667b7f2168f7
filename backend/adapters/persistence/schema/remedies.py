"""What an operator can do about a database that cannot be used."""

import socket
import ssl
from collections.abc import Iterator
from typing import Final

import asyncpg

MIGRATE: Final = "Run `python -m backend migrate`."
GRANT: Final = (
    "Migrate as the owner of the tables, and grant the server's role the privileges that it needs:"
    " see docs/scaling.md, Roles."
)
UNREADABLE: Final = "the driver cannot read DATABASE_URL"
READABLE: Final = (
    "Set DATABASE_URL to a URL that names the database, with its password percent-encoded (`@` is"
    " %40, `/` is %2F, `#` is %23, `?` is %3F)."
)
NO_FOLDER: Final = "Create the folder, or correct DATABASE_URL."

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

_REMEDIES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (asyncpg.InvalidPasswordError, _LOGIN),
    (asyncpg.InvalidAuthorizationSpecificationError, _NOT_ADMITTED),
    (asyncpg.InvalidCatalogNameError, _NO_DATABASE),
    (asyncpg.InsufficientPrivilegeError, GRANT),
    (asyncpg.TooManyConnectionsError, _FULL),
    (ssl.SSLError, _CERTIFICATE),
    (socket.gaierror, _NO_HOST),
)


def for_outage(error: Exception) -> str:
    """Return the remedy for a database that cannot be reached, or refuses.

    Args:
        error: The exception, with its causes.
    """
    causes = list(_causes(error))
    if any("rejected SSL" in str(cause) for cause in causes):
        return _NO_TLS
    for kind, remedy in _REMEDIES:
        if any(isinstance(cause, kind) for cause in causes):
            return remedy
    return "Start the database, or correct DATABASE_URL."


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
