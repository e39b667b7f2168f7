"""The URLs of Better Auth, and the meaning of the claims of its tokens."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self
from urllib.parse import urlsplit

from backend.adapters.auth.user_claims import text, words
from backend.domain.auth import InactiveTokenError, Principal

BASE_PATH: Final = "/api/auth"
USER_CLAIMS: Final = frozenset(
    {
        *("sub", "email", "emailVerified", "email_verified", "name", "role", "scope"),
        *("banned", "banExpires"),
    }
)
USER_ROW_MARKER: Final = "emailVerified"
_EMPTY: Final = frozenset[str]()


@dataclass(frozen=True, slots=True, kw_only=True)
class BetterAuthUrls:
    """The URLs that Better Auth derives from its base URL.

    Attributes:
        origin: The issuer and audience of the tokens of `/token`, and the issuer of session cookies
            that a key of the JWKS signs. In the format of JavaScript's `URL.origin`.
        base: The URL with Better Auth's base path: the issuer of OAuth access tokens.
        jwks: The URL of the JWKS.
    """

    origin: str
    base: str
    jwks: str

    @classmethod
    def from_base_url(cls, base_url: str) -> Self:
        """Derive the URLs from `BETTER_AUTH_URL`. A path in it replaces the path `/api/auth`.

        Args:
            base_url: The URL with its origin as JavaScript's `URL.origin` writes it.
        """
        origin, path = origin_of(base_url), urlsplit(base_url).path.rstrip("/")
        base = f"{origin}{path or BASE_PATH}"
        return cls(origin=origin, base=base, jwks=f"{base}/jwks")

    @property
    def get_session(self) -> str:
        """The URL that returns the session of a session token."""
        return f"{self.base}/get-session"


def origin_of(url: str) -> str:
    """Return the scheme, the host and the port of a URL, unchanged."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def to_principal(
    claims: Mapping[str, Any], expires_at: float, *, clock: Callable[[], float] = time.time
) -> Principal:
    """Map the claims of a Better Auth token, or of the user of a session cookie, to a principal.

    Args:
        claims: Verified claims. `sub` is the user's id; `id` is ignored.
        expires_at: When the token expires, in seconds since the epoch.
        clock: Returns the time in seconds since the epoch. A ban may have ended by then.

    Raises:
        InactiveTokenError: The user is banned (admin plugin).
    """
    if claims.get("banned") not in (None, False) and not _is_past(claims.get("banExpires"), clock):
        raise InactiveTokenError("the user is banned")
    # By default the payload is the whole row of the user. A `scope` in it is a column of the
    # application and grants nothing.
    scoped = "scope" in claims and USER_ROW_MARKER not in claims
    email = text(claims, "email")
    return Principal(  # positional arguments, because keywords are measurably slower
        claims["sub"],
        expires_at,
        email,
        text(claims, "name"),
        words(claims, "role", separator=",") if "role" in claims else _EMPTY,
        words(claims, "scope", separator=" ") if scoped else _EMPTY,
        email is not None and _is_verified(claims),
    )


def iso_time(value: object) -> float | None:
    """Return an ISO 8601 time with a UTC offset in seconds since the epoch; None for other values.

    Args:
        value: The JSON value that Better Auth wrote for a `Date`.
    """
    try:
        moment = datetime.fromisoformat(value)  # type: ignore[arg-type]  # TypeError is caught
        if moment.utcoffset() is not None:
            return moment.astimezone(UTC).timestamp()
    except (TypeError, ValueError, OverflowError):
        pass
    return None


def _is_past(ban_expires: object, clock: Callable[[], float]) -> bool:
    """Return whether a ban has ended. A token that is issued after a ban still says `banned: true`.

    The expiry is an ISO 8601 string or a number of milliseconds. Null, 0 and a malformed expiry
    mean a permanent ban.
    """
    if type(ban_expires) in (int, float):  # isinstance would accept a boolean
        return 0 < ban_expires <= clock() * 1000  # type: ignore[operator]  # milliseconds
    seconds = iso_time(ban_expires)
    return seconds is not None and seconds <= clock()


def _is_verified(claims: Mapping[str, Any]) -> bool:
    # Better Auth's own column has priority over a column `email_verified` of the application.
    return claims.get("emailVerified", claims.get("email_verified")) is True
