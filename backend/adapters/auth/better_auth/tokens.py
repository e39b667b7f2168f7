"""What Better Auth's base URL and the claims of its tokens mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlsplit

from backend.domain.auth import InactiveTokenError, InvalidClaimError, Principal

BASE_PATH: Final = "/api/auth"
_USER_ROW_MARKER: Final = "emailVerified"
_EMPTY: Final = frozenset[str]()
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class BetterAuthUrls:
    """The URLs that Better Auth derives from its base URL.

    Attributes:
        origin: The issuer and audience of the tokens of `/token`, and the issuer of session
            cookies that a key of the JWKS signs. Written as JavaScript's `URL.origin` does.
        jwks: The URL of the JWKS.
    """

    origin: str
    jwks: str

    @classmethod
    def from_base_url(cls, base_url: str) -> Self:
        """Derive the URLs from `BETTER_AUTH_URL`. A path in it replaces the path `/api/auth`."""
        parts = urlsplit(base_url)
        scheme, host = parts.scheme.lower(), (parts.hostname or "")
        host = f"[{host}]" if ":" in host else host.encode("idna").decode()
        port = "" if parts.port in (None, _DEFAULT_PORTS.get(scheme)) else f":{parts.port}"
        origin = f"{scheme}://{host}{port}"
        return cls(origin=origin, jwks=f"{origin}{parts.path.rstrip('/') or BASE_PATH}/jwks")


def to_principal(claims: Mapping[str, Any], expires_at: float) -> Principal:
    """Map the claims of a Better Auth token to a principal.

    Args:
        claims: Verified claims. `sub` is the user's id; `id` is ignored.
        expires_at: When the token expires, in seconds since the epoch.

    Raises:
        InactiveTokenError: The user is banned (admin plugin).
        InvalidClaimError: A claim has the wrong type.
    """
    if claims.get("banned") not in (None, False):
        raise InactiveTokenError("the user is banned")
    # By default the payload is the whole user row. A `scope` in it is a column of the application,
    # not a grant.
    scoped = "scope" in claims and _USER_ROW_MARKER not in claims
    return Principal(  # positional arguments, because keywords are measurably slower
        claims["sub"],
        expires_at,
        _text(claims, "email"),
        _text(claims, "name"),
        _words(claims, "role", separator=",") if "role" in claims else _EMPTY,
        _words(claims, "scope", separator=" ") if scoped else _EMPTY,
    )


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidClaimError(name, "is not a string")
    return value or None


def _words(claims: Mapping[str, Any], name: str, *, separator: str) -> frozenset[str]:
    text = _text(claims, name) or ""
    return frozenset(word for word in map(str.strip, text.split(separator)) if word)
