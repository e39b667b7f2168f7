"""Tokens that a client got for itself (client credentials; RFC 6749, section 4.4).

Such a token names no user. Without this rule, the client would be a user with the id of the client.
"""

from typing import Final

from backend.adapters.auth.claims import Claims, ToPrincipal
from backend.domain.auth import MachineTokenError, Principal

# The claims that name the client: RFC 9068, section 2.2; OpenID Connect Core 1.0, section 2; Okta.
_CLIENT_CLAIMS: Final = ("client_id", "azp", "cid")
_SERVICE_ACCOUNT: Final = "service-account-"  # Keycloak's prefix of the name; the client id follows


def is_machine_token(claims: Claims) -> bool:
    """Return whether the subject of a token is its client (RFC 9068, section 2.2).

    Some providers write another subject, and mark the token: Auth0 (`gty`, or `@clients` after the
    client id), Entra (`idtyp`, or an `oid` that is the subject of a token without delegated scopes)
    and Keycloak (`preferred_username`).
    """
    subject, username = claims["sub"], claims.get("preferred_username")
    if claims.get("gty") == "client-credentials" or claims.get("idtyp") == "app":
        return True
    # Azure AD B2C writes the id of a user into both claims, but then the token has `scp`.
    if "oid" in claims and claims["oid"] == subject and "scp" not in claims:
        return True
    for name in _CLIENT_CLAIMS:
        client = claims.get(name)
        if not isinstance(client, str):
            continue
        if subject in (client, f"{client}@clients"):
            return True
        # Keycloak writes the names of users in lower case, but not the ids of clients.
        if isinstance(username, str) and username.lower() == f"{_SERVICE_ACCOUNT}{client}".lower():
            return True
    return False


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
