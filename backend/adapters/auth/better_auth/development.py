"""Tokens for development, signed with a shared secret as no Better Auth server would sign them."""

import time
from datetime import timedelta

import jwt


def mint_token(
    secret: str,
    *,
    user_id: str,
    email: str | None = None,
    name: str | None = None,
    lifetime: timedelta = timedelta(hours=12),
) -> str:
    """Sign an HS256 token that a server with the same secret accepts.

    Args:
        secret: The shared secret, 32 bytes or more.
        user_id: The `sub` claim.
        email: The `email` claim; left out if it is None.
        name: The `name` claim; left out if it is None.
        lifetime: How long from now the token is valid.
    """
    now = int(time.time())
    claims = {"sub": user_id, "email": email, "name": name, "iat": now}
    claims["exp"] = now + int(lifetime.total_seconds())
    said = {claim: value for claim, value in claims.items() if value is not None}
    return jwt.encode(said, secret, algorithm="HS256")
