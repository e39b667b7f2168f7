"""Adds the claims of `AUTH_CLAIMS` to a principal.

The claims come from the payload of a token, or from the user and the session of a cookie. If a name
is in several of these, the payload counts before the user, and the user before the session.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.adapters.auth.better_auth.tokens import USER_CLAIMS, USER_ROW_MARKER
from backend.adapters.auth.claims import Claims, ToPrincipal
from backend.adapters.auth.user_claims import select
from backend.domain.auth import Principal

# Members of a session that do not become claims: facts about the user, and the session token.
_NOT_OF_SESSION: Final = USER_CLAIMS | {"token"}


def with_claims(to_principal: ToPrincipal, names: Sequence[str]) -> ToPrincipal:
    """Extend a mapping of claims to principals.

    Args:
        to_principal: Maps verified claims and their expiry to a principal.
        names: The names of the claims to add to the principal. Without names, the mapping
            itself is returned.
    """
    if not names:
        return to_principal

    def to_principal_with_claims(claims: Claims, expires_at: float) -> Principal:
        principal = to_principal(claims, expires_at)
        return principal._replace(claims=select(_members(claims), names))

    return to_principal_with_claims


def session_facts(session: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a session that become claims beside those of its user."""
    return {name: value for name, value in session.items() if name not in _NOT_OF_SESSION}


def _members(claims: Claims) -> Claims:
    """Add the members of the objects `user` and `session` that `definePayload` may return.

    In a payload that is the whole row of the user, such objects are columns of the application.
    """
    user, session = claims.get("user"), claims.get("session")
    if USER_ROW_MARKER in claims:
        return claims
    return {
        **(session_facts(session) if isinstance(session, dict) else {}),
        **(user if isinstance(user, dict) else {}),
        **claims,
    }
