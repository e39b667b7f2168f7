"""Verifies Better Auth's session cookies.

A cookie contains the whole session. The session and the cookie expire separately: the earlier
expiry counts. The verifier requires a session and a user, because Better Auth also signs the
tokens of its e-mail links with the same secret.
"""

import time
from collections.abc import Callable
from typing import Any

from backend.adapters.auth.better_auth.cookie_formats import COOKIE_MAX_LENGTH, CookieDecoder
from backend.adapters.auth.better_auth.sessions import (
    check_user,
    read_row,
    session_claims,
    session_expiry,
)
from backend.adapters.auth.better_auth.tokens import to_principal
from backend.adapters.auth.claims import Claims, ToPrincipal, numeric_date
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
        decode: Authenticates cookies of a format and returns their claims, with `exp`.
        version: The required version of the cookie cache, or None for any.
        leeway: The tolerated clock skew in seconds.
        to_principal: Maps claims to a principal. The arguments are the user of the session with the
            facts of the session, and the expiry in seconds since the epoch. If both have a member
            of the same name, the member of the user counts.
        clock: Returns the time in seconds since the epoch.
    """

    def __init__(
        self,
        decode: CookieDecoder,
        *,
        version: str | None = None,
        leeway: float = 10.0,
        to_principal: ToPrincipal = to_principal,
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
        session, user = read_row(claims, "session"), read_row(claims, "user")
        if self._version is not None and claims.get("version", "1") != self._version:
            raise InvalidClaimError("version", "is not the required cookie cache version")
        check_user(session, user)
        if claims.get("sub", user["id"]) != user["id"]:
            raise InvalidClaimError("user.id", "differs from sub")
        cookie_expiry = numeric_date(claims, "exp")
        if cookie_expiry is None:
            raise MissingClaimError("exp")
        expires_at = min(cookie_expiry, session_expiry(session))
        if expires_at <= self._clock() - self._leeway:
            raise ExpiredTokenError("the session or its cookie has expired")
        claims = session_claims(session, user, issued_at=_issued_at(claims))
        return self._to_principal(claims, expires_at)


def _issued_at(claims: Claims) -> Any:
    """Return when the cookie was written, in seconds since the epoch; None if unknown."""
    milliseconds: Any = claims.get("updatedAt")
    if type(milliseconds) in {int, float}:  # isinstance would accept a boolean
        return milliseconds / 1000
    return claims.get("iat")
