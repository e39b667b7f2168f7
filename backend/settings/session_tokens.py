"""Checks the settings of the session tokens of Better Auth's plugin `bearer`."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from backend.settings.complaints import Complaint
from backend.settings.key_set_urls import is_forbidden_http
from backend.settings.raw_values import is_off, is_on, text_of
from backend.settings.values import SessionTokens

_NAME: Final = "AUTH_SESSION_TOKENS"
_OTHER_PROVIDER: Final = Complaint(
    _NAME,
    "only Better Auth has session tokens that can be verified here",
    "Set AUTH_SESSION_TOKENS=off, or set AUTH_PROVIDER=better-auth.",
)
_NO_SERVER: Final = Complaint(
    _NAME,
    "get-session asks Better Auth about each session",
    "Set BETTER_AUTH_URL to the base URL of your Better Auth server.",
)
_NO_SECRET: Final = Complaint(
    _NAME,
    "without the secret, clients could make this server call Better Auth with invented tokens",
    "Set BETTER_AUTH_SECRET to the secret that Better Auth uses.",
)
_RESOURCE: Final = Complaint(
    _NAME,
    "a session token is valid for every API, but AUTH_RESOURCE accepts tokens for this API only",
    "Set AUTH_SESSION_TOKENS=off, or unset AUTH_RESOURCE.",
)
_PLAIN_HTTP: Final = Complaint(
    "BETTER_AUTH_URL",
    "an attacker on the network can read session tokens that are sent over plain HTTP",
    "Set it to an https:// URL, or set AUTH_ALLOW_HTTP=on if you trust the network.",
)
_SCOPES: Final = Complaint(
    "AUTH_REQUIRE_SCOPES",
    "session tokens have no scopes, so the Todo API refuses every request with a session token",
    "Set AUTH_SESSION_TOKENS=off, or AUTH_REQUIRE_SCOPES=off.",
    is_warning=True,
)


def session_tokens_without_better_auth(raw: Mapping[str, Any]) -> Iterator[Complaint]:
    """Complain about session tokens of a provider that is not Better Auth.

    Args:
        raw: The settings that are set, before validation; values may be invalid.
    """
    if not is_off(raw, "auth_session_tokens"):
        yield _OTHER_PROVIDER


def session_token_inconsistencies(
    raw: Mapping[str, Any], *, has_secret: bool
) -> Iterator[Complaint]:
    """Complain about what session tokens lack, and about settings that contradict them.

    Args:
        raw: The settings that are set, before validation; values may be invalid.
        has_secret: Whether a shared secret is set.
    """
    if text_of(raw, "auth_session_tokens") != SessionTokens.GET_SESSION:
        return
    if not raw.get("better_auth_url"):
        yield _NO_SERVER
    elif raw.get("auth_jwks_url") and is_forbidden_http(raw, "better_auth_url"):
        yield _PLAIN_HTTP  # without AUTH_JWKS_URL, the check of the key set complains
    if not has_secret:
        yield _NO_SECRET
    if raw.get("auth_resource"):
        yield _RESOURCE
    if is_on(raw, "auth_require_scopes"):
        yield _SCOPES
