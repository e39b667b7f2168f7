"""Checks the settings of an OpenID Connect issuer against those of Better Auth."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from backend.settings.complaints import Complaint
from backend.settings.key_set_urls import url_complaints
from backend.settings.raw_values import is_off, text_of
from backend.settings.values import HMAC_ALGORITHMS, Provider, split

_OF_BETTER_AUTH: Final = ("better_auth_url", "better_auth_secret", "better_auth_secrets")
_NO_ISSUER: Final = Complaint(
    "OIDC_ISSUER",
    "AUTH_PROVIDER=oidc needs an issuer",
    "Set it to the issuer, exactly as its tokens have it in iss.",
)
_ISSUER_TWICE: Final = Complaint(
    "AUTH_ISSUER", "OIDC_ISSUER is the only accepted issuer", "Unset AUTH_ISSUER."
)
_COOKIE: Final = Complaint(
    "AUTH_COOKIE",
    "only Better Auth has session cookies that can be verified here",
    "Set AUTH_COOKIE=off, or set AUTH_PROVIDER=better-auth.",
)
_HS256: Final = Complaint(
    "AUTH_ALGORITHMS", "an OpenID Connect issuer has no shared secret", "Remove HS256."
)
_ANY_AUDIENCE: Final = Complaint(
    "AUTH_AUDIENCE",
    "tokens that the issuer issues to other applications would be accepted too",
    "Set it to the audience of your API, as your tokens have it in aud.",
)


def has_valid_provider(raw: Mapping[str, Any]) -> bool:
    """Return whether `AUTH_PROVIDER` is valid, or not set."""
    return text_of(raw, "auth_provider") in {"", *Provider}


def uses_oidc(raw: Mapping[str, Any]) -> bool:
    """Return whether the settings choose an OpenID Connect issuer."""
    return text_of(raw, "auth_provider") == Provider.OIDC


def oidc_settings_without_effect(raw: Mapping[str, Any]) -> Iterator[Complaint]:
    """Complain about settings that have no effect without `AUTH_PROVIDER=oidc`."""
    for name in sorted(name for name in raw if name.startswith("oidc_")):
        yield Complaint(
            name.upper(), "it has no effect without AUTH_PROVIDER=oidc", "Set AUTH_PROVIDER=oidc."
        )


def oidc_inconsistencies(raw: Mapping[str, Any]) -> Iterator[Complaint]:
    """Complain about settings that contradict `AUTH_PROVIDER=oidc`.

    Args:
        raw: The settings that are set, before validation; values may be invalid.
    """
    for name in _OF_BETTER_AUTH:
        if raw.get(name):
            yield Complaint(
                name.upper(),
                "AUTH_PROVIDER=oidc does not use it",
                "Unset it, or set AUTH_PROVIDER=better-auth.",
            )
    if raw.get("auth_issuer"):
        yield _ISSUER_TWICE
    if not is_off(raw, "auth_cookie"):
        yield _COOKIE
    if set(split(raw.get("auth_algorithms", ""))) & HMAC_ALGORITHMS:
        yield _HS256
    if not split(raw.get("auth_audience")):
        yield _ANY_AUDIENCE
    if not raw.get("oidc_issuer"):
        yield _NO_ISSUER
        return
    yield from url_complaints(raw, "auth_jwks_url" if raw.get("auth_jwks_url") else "oidc_issuer")
