"""Checks settings against each other: each value may be valid, but not the combination."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from backend.settings.complaints import Complaint
from backend.settings.issuer_list import beside_issuer_list
from backend.settings.key_set_urls import url_complaints
from backend.settings.oidc import (
    has_valid_provider,
    oidc_inconsistencies,
    oidc_settings_without_effect,
    uses_oidc,
)
from backend.settings.raw_values import is_on, text_of
from backend.settings.resource import resource_inconsistencies
from backend.settings.session_tokens import (
    session_token_inconsistencies,
    session_tokens_without_better_auth,
)
from backend.settings.values import (
    ASYMMETRIC_ALGORITHMS,
    HMAC_ALGORITHMS,
    CookieCache,
    RevocationStorage,
    split,
)

ISSUERS: Final = frozenset(
    {
        *("better_auth_url", "better_auth_secret", "better_auth_secrets", "auth_jwks_url"),
        *("oidc_issuer", "auth_trusted_issuers"),
    }
)

_NO_ISSUER: Final = Complaint(
    "BETTER_AUTH_URL",
    "neither BETTER_AUTH_URL nor BETTER_AUTH_SECRET is set, so no token can be verified",
    "Set BETTER_AUTH_URL to the base URL of your Better Auth server, or set BETTER_AUTH_SECRET if"
    " your tokens are signed with HS256.",
)
_HS256_WITHOUT_SECRET: Final = Complaint(
    "AUTH_ALGORITHMS", "HS256 needs a secret", "Set BETTER_AUTH_SECRET, or remove HS256."
)
_ALGORITHMS_WITHOUT_KEY_SET: Final = Complaint(
    "AUTH_ALGORITHMS",
    "every algorithm except HS256 needs the issuer's key set",
    "Set BETTER_AUTH_URL, or list HS256 only.",
)
_ANY_ORIGIN_WITH_COOKIE: Final = Complaint(
    "CORS_ORIGINS",
    "AUTH_COOKIE does not allow *, because every page could then act for the signed-in user (CSRF)",
    "Set CORS_ORIGINS to the origins of your pages.",
)
_NO_ORIGIN_WITH_COOKIE: Final = Complaint(
    "CORS_ORIGINS",
    "AUTH_COOKIE needs a list of trusted origins, because cookies are sent by any page (CSRF)",
    "Set CORS_ORIGINS to the origins of your pages, or set BETTER_AUTH_URL.",
)

_SCOPES_WITH_COOKIE: Final = Complaint(
    "AUTH_REQUIRE_SCOPES",
    "session cookies have no scopes, so the Todo API refuses every request with a cookie",
    "Set AUTH_COOKIE=off, or AUTH_REQUIRE_SCOPES=off.",
    is_warning=True,
)
_REVOCATION_WITHOUT_LIFETIME: Final = Complaint(
    "AUTH_REVOCATION",
    "needs AUTH_MAX_LIFETIME, because a revocation is kept for as long as a token can live",
    "Set AUTH_MAX_LIFETIME to the longest lifetime of your tokens in seconds, for example 900.",
)


def inconsistencies(raw: Mapping[str, Any]) -> Iterator[Complaint]:
    """Complain about settings that contradict each other.

    Args:
        raw: The settings that are set, before validation; values may be invalid.
    """
    is_database = text_of(raw, "auth_revocation") == RevocationStorage.DATABASE
    if is_database and not raw.get("auth_max_lifetime"):
        yield _REVOCATION_WITHOUT_LIFETIME
    if raw.get("auth_trusted_issuers"):
        yield from beside_issuer_list(raw)
        return
    if not has_valid_provider(raw):
        return  # what else is wrong depends on the provider
    if uses_oidc(raw):
        yield from oidc_inconsistencies(raw)
        yield from session_tokens_without_better_auth(raw)
        return
    yield from oidc_settings_without_effect(raw)
    has_secret = bool(raw.get("better_auth_secret") or split(raw.get("better_auth_secrets")))
    has_key_set = bool(raw.get("better_auth_url") or raw.get("auth_jwks_url"))
    if not has_secret and not has_key_set:
        if not raw.get("oidc_issuer"):  # otherwise AUTH_PROVIDER is missing
            yield _NO_ISSUER
        return
    algorithms = set(split(raw.get("auth_algorithms", "")))
    if algorithms & HMAC_ALGORITHMS and not has_secret:
        yield _HS256_WITHOUT_SECRET
    if algorithms & ASYMMETRIC_ALGORITHMS and not has_key_set:
        yield _ALGORITHMS_WITHOUT_KEY_SET
    yield from resource_inconsistencies(raw)
    yield from _cookie_complaints(raw, has_secret=has_secret)
    yield from session_token_inconsistencies(raw, has_secret=has_secret)
    if has_key_set:
        name = "auth_jwks_url" if raw.get("auth_jwks_url") else "better_auth_url"
        yield from url_complaints(raw, name)


def _cookie_complaints(raw: Mapping[str, Any], *, has_secret: bool) -> Iterator[Complaint]:
    strategy = text_of(raw, "auth_cookie")
    if strategy not in {CookieCache.COMPACT, CookieCache.JWT, CookieCache.JWE}:
        return
    if strategy != CookieCache.JWT and not has_secret:
        yield Complaint(
            "AUTH_COOKIE",
            f"{strategy} needs a secret",
            "Set BETTER_AUTH_SECRET to the secret that Better Auth uses.",
        )
    origins = split(raw.get("cors_origins", ""))
    if "*" in origins:
        yield _ANY_ORIGIN_WITH_COOKIE
    if not origins and not raw.get("better_auth_url"):
        yield _NO_ORIGIN_WITH_COOKIE
    if is_on(raw, "auth_require_scopes"):
        yield _SCOPES_WITH_COOKIE
