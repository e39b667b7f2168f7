"""Errors of authorization: the caller is authenticated, and lacks a scope or a role."""

import re
from collections.abc import Collection, Sequence
from typing import Final

_SCOPE_TOKEN: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749, section 3.3


class MissingScopeError(Exception):
    """The credentials of the caller lack a scope that the route needs.

    Attributes:
        scopes: All scopes that the route needs. The caller may read them.
    """

    def __init__(self, scopes: Sequence[str]) -> None:
        super().__init__(f"needs the scopes {' '.join(scopes)}")
        self.scopes = tuple(scopes)


class MissingRoleError(Exception):
    """The caller lacks a role that the route needs.

    Attributes:
        roles: All roles that the route needs. Only the log names them.
    """

    def __init__(self, roles: Collection[str]) -> None:
        super().__init__(f"needs the roles {', '.join(sorted(roles))}")
        self.roles = tuple(roles)


def validate_scopes(scopes: Sequence[str]) -> tuple[str, ...]:
    """Return the scopes that a route requires, without duplicates.

    Raises:
        ValueError: There are no scopes, or a scope cannot be part of a `WWW-Authenticate` header.
    """
    if isinstance(scopes, str):
        problem = f"scopes must be a sequence of scopes, not the text {scopes!r}"
        raise ValueError(problem)  # noqa: TRY004 - callers catch ValueError for any wrong scope
    if not scopes:
        raise ValueError("scopes: name at least one scope")
    for scope in scopes:
        if not _SCOPE_TOKEN.fullmatch(scope):
            raise ValueError(
                f"{scope!r} is not a scope. A scope has no spaces, quotes, backslashes or"
                " characters outside of ASCII (RFC 6749, section 3.3); pass each scope separately."
            )
    return tuple(dict.fromkeys(scopes))
