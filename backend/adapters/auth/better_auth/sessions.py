"""A session of Better Auth with its user: the shape of both, and the claims that they become.

Facts of the session, such as `activeOrganizationId`, become claims beside those of the user.
"""

from collections.abc import Mapping
from typing import Any

from backend.adapters.auth.better_auth.custom_claims import session_facts
from backend.adapters.auth.better_auth.tokens import iso_time
from backend.adapters.auth.claims import Claims, check_identifier
from backend.domain.auth import InvalidClaimError, MissingClaimError

Row = Mapping[str, Any]


def read_row(content: Mapping[str, Any], name: str) -> Row:
    """Return the row `session` or `user` of the content of a session.

    Raises:
        MissingClaimError: There is no such object.
    """
    value = content.get(name)
    if not isinstance(value, dict):
        raise MissingClaimError(name)
    return value


def check_user(session: Row, user: Row) -> None:
    """Check that a session is of a user whose id is short and printable.

    Raises:
        InvalidClaimError: The id is invalid, or the session is of another user.
    """
    check_identifier("user.id", user.get("id"))
    if session.get("userId") != user["id"]:
        raise InvalidClaimError("user.id", "differs from session.userId")


def session_expiry(session: Row) -> float:
    """Return the expiry of a session in seconds since the epoch.

    Raises:
        InvalidClaimError: The expiry is not an ISO 8601 time.
    """
    expires_at = iso_time(session.get("expiresAt"))
    if expires_at is None:
        raise InvalidClaimError("session.expiresAt", "is not a time with a UTC offset")
    return expires_at


def session_claims(session: Row, user: Row, *, issued_at: Any) -> Claims:
    """Return the claims of a user in a session. If both have a member, that of the user counts.

    Args:
        session: The row of the session.
        user: The row of its user.
        issued_at: When the credential was issued, in seconds since the epoch; None if unknown.
    """
    return {
        **session_facts(session),
        **user,
        "sub": user["id"],
        # Only tokens have scopes. A column of the user table named `scope` must not grant any, and
        # a column `sid` or `iat` must not hide the session from a revocation.
        "scope": None,
        "sid": session.get("id"),
        "iat": issued_at,
        "jti": None,
    }
