"""Better Auth's dialect: where it publishes its keys, and what its claims say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from backend.domain.auth import InactiveTokenError, InvalidClaimError, Principal

BASE_PATH: Final = "/api/auth"
_USER_ROW: Final = "emailVerified"
_NONE: Final = frozenset[str]()
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class BetterAuthUrls:
    """What follows from Better Auth's base URL.

    Attributes:
        origin: The issuer and the audience of the tokens of `/token`, and the issuer of session
            cookies that the key set signs, as JavaScript's `URL.origin` writes it.
        jwks: Where the key set is.
    """

    origin: str
    jwks: str

    @classmethod
    def of(cls, base_url: str) -> "BetterAuthUrls":
        """Derive them from `BETTER_AUTH_URL`; a path in it is Better Auth's base path."""
        parts = urlsplit(base_url)
        scheme, host = parts.scheme.lower(), (parts.hostname or "")
        host = f"[{host}]" if ":" in host else host.encode("idna").decode()
        port = "" if parts.port in (None, _DEFAULT_PORTS.get(scheme)) else f":{parts.port}"
        origin = f"{scheme}://{host}{port}"
        return cls(origin=origin, jwks=f"{origin}{parts.path.rstrip('/') or BASE_PATH}/jwks")


def to_principal(claims: Mapping[str, Any], expires_at: float) -> Principal:
    """Read the verified claims of a Better Auth token.

    Args:
        claims: Verified claims; `sub` names the user, `id` is not looked at.
        expires_at: When the token ends, in seconds since the epoch.

    Raises:
        InactiveTokenError: The admin plugin says that the user is banned.
        InvalidClaimError: A claim is there, but not what it ought to be.
    """
    if claims.get("banned") not in (None, False):
        raise InactiveTokenError("the user is banned")
    # The default payload is the whole row of the user, where a scope is a column of the app's.
    scoped = "scope" in claims and _USER_ROW not in claims
    return Principal(  # in its order: to name the six takes longer than to read them
        claims["sub"],
        expires_at,
        _text(claims, "email"),
        _text(claims, "name"),
        _words(claims, "role", separator=",") if "role" in claims else _NONE,
        _words(claims, "scope", separator=" ") if scoped else _NONE,
    )


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidClaimError(f"{name} is not a string")
    return value or None


def _words(claims: Mapping[str, Any], name: str, *, separator: str) -> frozenset[str]:
    text = _text(claims, name) or ""
    return frozenset(word for word in map(str.strip, text.split(separator)) if word)
