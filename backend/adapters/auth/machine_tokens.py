"""Tokens that a client got for itself (client credentials; RFC 6749, section 4.4).

Such a token names no user. Without this rule its client would be a user with the id of the client.
"""

from collections.abc import Callable

from backend.adapters.auth.claims import Claims
from backend.domain.auth import MachineTokenError, Principal

ToPrincipal = Callable[[Claims, float], Principal]


def is_machine_token(claims: Claims) -> bool:
    """Return whether the subject of a token is its client, as RFC 9068 demands (section 2.2)."""
    return claims["sub"] in (claims.get("client_id"), claims.get("azp"))


def with_machine_tokens(to_principal: ToPrincipal, *, accepted: bool) -> ToPrincipal:
    """Refuse machine tokens, or let their principals say what they are.

    Args:
        to_principal: Maps verified claims and their expiry to a principal.
        accepted: Whether machine tokens are accepted.

    Returns:
        A mapping that raises `MachineTokenError` if machine tokens are not accepted.
    """

    def to_user_or_machine(claims: Claims, expires_at: float) -> Principal:
        if not is_machine_token(claims):
            return to_principal(claims, expires_at)
        if not accepted:
            raise MachineTokenError("sub is the id of the client, so the token names no user")
        return to_principal(claims, expires_at)._replace(is_machine=True)

    return to_user_or_machine
