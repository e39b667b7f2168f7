"""Recognizes session cookies, even if the client sent them as bearer tokens."""

import re
from typing import Final

from backend.adapters.auth.better_auth.cookie_formats import JWKS_AUDIENCE, JWKS_TYPE
from backend.adapters.auth.claims import Claims
from backend.adapters.auth.explain.context import TokenContext

_JWT: Final = "a JWT from Better Auth's /api/auth/token (plugin `jwt`)"

SEND_JWT: Final = f"Send {_JWT}."

COMPACT_COOKIE: Final = re.compile(r"eyJzZXNzaW9uIjp7.*", re.DOTALL)  # {"session":{
JWE: Final = re.compile(r"([\w-]*\.){4}[\w-]*", re.ASCII)


def session_cookie_remedy(
    strategy: str, accepted: str, *, needs: str = "BETTER_AUTH_SECRET"
) -> str:
    """Return the remedy for a session cookie.

    Args:
        strategy: The strategy of the cookie: `compact`, `jwt` or `jwe`.
        accepted: The accepted strategy of session cookies, or `off`.
        needs: The variable that must be set together with AUTH_COOKIE.
    """
    if accepted == strategy:
        return f"This is a session cookie. Send it as a cookie, or send {_JWT} instead."
    return (
        f"This is a session cookie. Send it as a cookie and set AUTH_COOKIE={strategy} and {needs}"
        f" here, or send {_JWT} instead."
    )


def jwt_cookie_remedy(context: TokenContext) -> str | None:
    """Return the remedy for a session cookie in JWT format; None for any other token."""
    typ = str(context.header.get("typ", "")).lower()
    if typ == JWKS_TYPE or context.claims.get("aud") == JWKS_AUDIENCE:
        return session_cookie_remedy("jwt", context.cookie_strategy, needs="BETTER_AUTH_URL")
    if has_session(context.claims):
        return session_cookie_remedy("jwt", context.cookie_strategy)
    return None


def has_session(claims: Claims) -> bool:
    """Return whether claims come from a session cookie: they contain a session and its user."""
    return all(isinstance(claims.get(name), dict) for name in ("session", "user"))
