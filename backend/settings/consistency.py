"""What is wrong between settings, each of which may be right."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from backend.settings.values import ASYMMETRIC_ALGORITHMS, HMAC_ALGORITHMS, CookieCache, split

ISSUERS: Final = frozenset(
    {"better_auth_url", "better_auth_secret", "better_auth_secrets", "auth_jwks_url"}
)

_ON: Final = frozenset({"1", "on", "t", "true", "y", "yes"})  # as pydantic reads a bool


def inconsistencies(given: Mapping[str, Any]) -> Iterator[str]:
    """Complain of what is wrong between settings, whatever may be wrong within one.

    Args:
        given: The settings that were given, as they were given.
    """
    secret = bool(given.get("better_auth_secret") or split(given.get("better_auth_secrets")))
    published = bool(given.get("better_auth_url") or given.get("auth_jwks_url"))
    if not secret and not published:
        yield (
            "BETTER_AUTH_URL: neither it nor BETTER_AUTH_SECRET is set, so no token could ever be"
            " verified. Set BETTER_AUTH_URL to the base URL of your Better Auth server (or"
            " BETTER_AUTH_SECRET, if your tokens are signed with HS256)."
        )
        return
    algorithms = set(split(given.get("auth_algorithms", "")))
    if algorithms & HMAC_ALGORITHMS and not secret:
        yield "AUTH_ALGORITHMS: HS256 needs a secret. Set BETTER_AUTH_SECRET, or leave it out."
    if algorithms & ASYMMETRIC_ALGORITHMS and not published:
        yield (
            "AUTH_ALGORITHMS: all but HS256 need the issuer's key set. Set BETTER_AUTH_URL, or"
            " leave them out."
        )
    yield from _of_cookies(given, secret=secret)
    allowed = str(given.get("auth_allow_http", "")).lower() in _ON
    name = "auth_jwks_url" if given.get("auth_jwks_url") else "better_auth_url"
    if not allowed and _is_exposed(str(given.get(name) or "")):
        yield (
            f"{name.upper()}: keys fetched over plain HTTP can be replaced on their way. Set it to"
            " an https:// URL, or AUTH_ALLOW_HTTP=on if the network is your own."
        )


def _of_cookies(given: Mapping[str, Any], *, secret: bool) -> Iterator[str]:
    strategy = str(given.get("auth_cookie", "off")).lower()
    if strategy not in {CookieCache.COMPACT, CookieCache.JWT, CookieCache.JWE}:
        return
    if strategy != CookieCache.JWT and not secret:
        yield f"AUTH_COOKIE: {strategy} needs a secret. Set BETTER_AUTH_SECRET, as Better Auth's."
    origins = split(given.get("cors_origins", ""))
    if "*" in origins:
        yield (
            "CORS_ORIGINS: with AUTH_COOKIE, * lets every page act for its visitors. Set it to the"
            " origins of your own pages."
        )
    if not origins and not given.get("better_auth_url"):
        yield (
            "CORS_ORIGINS: with AUTH_COOKIE, changes are taken from pages of known origins only."
            " Set it to those of your pages, or set BETTER_AUTH_URL if Better Auth serves them."
        )


def _is_exposed(url: str) -> bool:
    """Tell whether a URL leads over plain HTTP to another machine."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "http" and not is_loopback(parts.hostname or "")
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Tell whether a host name is this machine's own."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
