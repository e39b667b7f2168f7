"""What to do about a session cookie that was sent as a bearer token."""

from typing import Final

from backend.adapters.auth.better_auth.cookie_formats import JWKS_AUDIENCE, JWKS_TYPE
from backend.adapters.auth.explain.situation import Situation

_INSTEAD: Final = "; or send a JWT of Better Auth's /api/auth/token instead."


def as_cookie(strategy: str, accepted: str, *, needs: str = "BETTER_AUTH_SECRET") -> str:
    """Return what to do about a session cookie.

    Args:
        strategy: The cookie's own.
        accepted: The strategy that is accepted here, or `off`.
        needs: What is to be set along with it.
    """
    if accepted == strategy:
        return f"This is a session cookie. Send it as a cookie, as browsers do{_INSTEAD}"
    return (
        f"This is a session cookie. Send it as a cookie, and set AUTH_COOKIE={strategy} and {needs}"
        f" here{_INSTEAD}"
    )


def of_cookie(situation: Situation) -> str | None:
    """Return what to do about a token, if it is a session cookie."""
    kind = str(situation.header.get("typ", "")).lower()
    if kind == JWKS_TYPE or situation.claims.get("aud") == JWKS_AUDIENCE:
        return as_cookie("jwt", situation.cookies, needs="BETTER_AUTH_URL")
    if all(isinstance(situation.claims.get(part), dict) for part in ("session", "user")):
        return as_cookie("jwt", situation.cookies)
    return None
