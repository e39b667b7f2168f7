"""Verifies Better Auth's session cookies.

A cookie contains the whole session. The session and the cookie expire separately: the earlier
expiry counts. The verifier requires a session and a user, because Better Auth also signs the
tokens of its e-mail links with the same secret.

Facts of the session, such as `activeOrganizationId`, become claims beside those of the user.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from backend.adapters.auth.better_auth.cookie_formats import COOKIE_MAX_LENGTH, CookieDecoder
from backend.adapters.auth.better_auth.custom_claims import session_facts
from backend.adapters.auth.better_auth.tokens import iso_time, to_principal
from backend.adapters.auth.claims import Claims, check_identifier, numeric_date
from backend.domain.auth import (
    ExpiredTokenError,
    InvalidClaimError,
    MalformedTokenError,
    MissingClaimError,
    Principal,
)


class SessionCookieVerifier:
    """Turns the value of a session cookie into the principal of its user.

    Args:
        decode: Authenticates cookies of one format and returns their claims, with `exp`.
        version: The required version of the cookie cache, or None for any.
        leeway: The tolerated clock skew in seconds.
        to_principal: Maps claims to a principal. It gets the user of the session with the facts of
            the session, and the expiry in seconds since the epoch. If both have a member of the
            same name, the member of the user counts.
        clock: Returns the time in seconds since the epoch.
    """

    def __init__(
        self,
        decode: CookieDecoder,
        *,
        version: str | None = None,
        leeway: float = 10.0,
        to_principal: Callable[[Claims, float], Principal] = to_principal,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._decode = decode
        self._version = version
        self._leeway = leeway
        self._to_principal = to_principal
        self._clock = clock

    async def verify(self, token: str, /) -> Principal:
        """Verify a cookie.

        Args:
            token: The value of the cookie, with its chunks joined. Untrusted.

        Raises:
            AuthError: The cookie is not valid, or its session has expired.
            VerifierUnavailableError: The issuer's keys are not available now.
        """
        if len(token) > COOKIE_MAX_LENGTH:
            raise MalformedTokenError(f"longer than {COOKIE_MAX_LENGTH} characters")
        claims = await self._decode(token)
        session, user = _object(claims, "session"), _object(claims, "user")
        if self._version is not None and claims.get("version", "1") != self._version:
            raise InvalidClaimError("version", "is not the required cookie cache version")
        check_identifier("user.id", user.get("id"))
        if session.get("userId") != user["id"] or claims.get("sub", user["id"]) != user["id"]:
            raise InvalidClaimError("user.id", "differs from session.userId or sub")
        cookie_expiry = numeric_date(claims, "exp")
        if cookie_expiry is None:
            raise MissingClaimError("exp")
        expires_at = min(cookie_expiry, _session_expiry(session))
        if expires_at <= self._clock() - self._leeway:
            raise ExpiredTokenError("the session or its cookie has expired")
        claims = {
            **session_facts(session),
            **user,
            "sub": user["id"],
            # Only tokens have scopes. A column of the user table named `scope` must not grant any,
            # and a column `sid` or `iat` must not hide the session from a revocation.
            "scope": None,
            "sid": session.get("id"),
            "iat": _issued_at(claims),
            "jti": None,
        }
        return self._to_principal(claims, expires_at)


def _object(claims: Claims, name: str) -> Mapping[str, Any]:
    value = claims.get(name)
    if not isinstance(value, dict):
        raise MissingClaimError(name)
    return value


def _issued_at(claims: Claims) -> Any:
    """Return when the cookie was written, in seconds since the epoch; None if it does not say."""
    milliseconds: Any = claims.get("updatedAt")
    if type(milliseconds) in {int, float}:  # isinstance would accept a boolean
        return milliseconds / 1000
    return claims.get("iat")


def _session_expiry(session: Mapping[str, Any]) -> float:
    """Return the expiry of the session, an ISO 8601 string, in seconds since the epoch."""
    expires_at = iso_time(session.get("expiresAt"))
    if expires_at is None:
        raise InvalidClaimError("session.expiresAt", "is not a time with a UTC offset")
    return expires_at
