"""Tokens that a client got for itself (client credentials; RFC 6749, section 4.4).

Such a token names no user. Without this rule, the client would be a user with the id of the client.
"""

from collections.abc import Callable
from typing import Final

from backend.adapters.auth.claims import Claims
from backend.domain.auth import MachineTokenError, Principal

ToPrincipal = Callable[[Claims, float], Principal]

_SERVICE_ACCOUNT: Final = "service-account-"  # Keycloak's prefix of the name; the client id follows


def is_machine_token(claims: Claims) -> bool:
    """Return whether the subject of a token is its client (RFC 9068, section 2.2).

    Some providers write another subject, and mark the token: Auth0 (`gty`), Entra (`idtyp`) and
    Keycloak (`preferred_username`).
    """
    client = claims.get("azp", claims.get("client_id"))
    return (
        claims["sub"] in (client, claims.get("client_id"))
        or claims.get("gty") == "client-credentials"
        or claims.get("idtyp") == "app"
        or (
            client is not None and claims.get("preferred_username") == f"{_SERVICE_ACCOUNT}{client}"
        )
    )


def with_machine_tokens(to_principal: ToPrincipal, *, accepted: bool) -> ToPrincipal:
    """Refuse machine tokens, or mark their principals as machines.

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
            raise MachineTokenError(
                "the client got the token for itself, so the token names no user"
            )
        return to_principal(claims, expires_at)._replace(is_machine=True)

    return to_user_or_machine
