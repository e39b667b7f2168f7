"""Adds the claims of `AUTH_CLAIMS` to a principal.

The claims come from the payload of a token, or from the user and the session of a cookie. If
several have a claim of the same name, the payload counts before the user, and the user before the
session. A claim whose value is null is missing: it depends on the database whether Better Auth
writes null or nothing.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from backend.adapters.auth.better_auth.tokens import USER_CLAIMS, USER_ROW_MARKER, is_unicode
from backend.adapters.auth.claims import Claims
from backend.domain.auth import Principal
from backend.domain.read_only import ReadOnlyMapping

# A principal stays in the cache, so its claims must not take much more memory than their JSON.
_MAX_VALUES: Final = 1000
_MAX_DEPTH: Final = 16  # so that recursive functions can process a claim

# Members of a session that do not become claims: facts about the user, and the session token.
_NOT_OF_SESSION: Final = USER_CLAIMS | {"token"}

_log = logging.getLogger(__name__)


def with_claims(
    to_principal: Callable[[Claims, float], Principal], names: Sequence[str]
) -> Callable[[Claims, float], Principal]:
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
        return principal._replace(claims=ReadOnlyMapping(_select(claims, names)))

    return to_principal_with_claims


def session_facts(session: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a session that become claims beside those of its user."""
    return {name: value for name, value in session.items() if name not in _NOT_OF_SESSION}


def _select(claims: Claims, names: Sequence[str]) -> dict[str, Any]:
    members = _members(claims)
    selected = {name: members[name] for name in names if members.get(name) is not None}
    ignored = [name for name, value in selected.items() if not _is_acceptable(value)]
    for name in ignored:
        _log.debug("the claim %s is ignored: it is too large, or has a lone surrogate", name)
        del selected[name]
    return selected


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


def _is_acceptable(value: Any) -> bool:
    """Return whether a value is small, not deeply nested, and without lone surrogates."""
    level, count = [value], 1
    for _ in range(_MAX_DEPTH):
        children: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                children += [*item.keys(), *item.values()]
            elif isinstance(item, list):
                children += item
            elif isinstance(item, str) and not is_unicode(item):
                return False
        if not children:
            return True
        count += len(children)
        if count > _MAX_VALUES:
            return False
        level = children
    return False
