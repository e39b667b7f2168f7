"""Mints tokens for development, signed with the shared secret. Better Auth has no such tokens."""

import time
from datetime import timedelta

import jwt


def mint_token(  # noqa: PLR0913 - one argument for each claim
    secret: str,
    *,
    user_id: str,
    email: str | None = None,
    name: str | None = None,
    scope: str | None = None,
    lifetime: timedelta = timedelta(hours=12),
) -> str:
    """Sign an HS256 token that a server with the same secret accepts.

    Args:
        secret: The shared secret, at least 32 bytes long.
        user_id: The `sub` claim.
        email: The `email` claim. Left out if None.
        name: The `name` claim. Left out if None.
        scope: The `scope` claim: scopes, separated by spaces. Left out if None.
        lifetime: How long the token is valid from now.

    Returns:
        The token, a JWS in compact serialization.
    """
    now = int(time.time())
    expires_at = now + int(lifetime.total_seconds())
    optional = {"email": email, "name": name, "scope": scope}
    claims = {"sub": user_id, "iat": now, "exp": expires_at}
    claims |= {claim: value for claim, value in optional.items() if value is not None}
    return jwt.encode(claims, secret, algorithm="HS256")
