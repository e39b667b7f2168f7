"""Makes tokens and session cookies for development, with the shared secret.

Better Auth itself does not issue such tokens. Arguments are not checked: the API may refuse the
result.
"""

import secrets
import time
import warnings
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, Literal

import jwt
from jwt.warnings import InsecureKeyLengthWarning

from backend.adapters.auth.better_auth.cookie_encoders import encode_compact, encode_jwe
from backend.adapters.auth.better_auth.rows import cookie_content, session_row, user_row
from backend.adapters.auth.jose.encoding import to_json

Strategy = Literal["compact", "jwt", "jwe"]

_USUAL_LIFETIME: Final = 900  # seconds


def mint_token(  # noqa: PLR0913 - an argument for each claim
    secret: str,
    *,
    user_id: str,
    email: str | None = None,
    email_verified: bool = False,
    name: str | None = None,
    roles: Sequence[str] = (),
    scope: str | None = None,
    claims: Mapping[str, Any] | None = None,
    lifetime: timedelta = timedelta(hours=12),
    algorithm: str = "HS256",
) -> str:
    """Sign a token that a server with the same secret accepts.

    Args:
        secret: The shared secret, at least 32 bytes long.
        user_id: The `sub` claim.
        email: The `email` claim. Left out if None.
        email_verified: Whether the address counts as verified.
        name: The `name` claim. Left out if None.
        roles: The roles in the `role` claim. Left out if empty.
        scope: The `scope` claim: scopes, separated by spaces. Left out if None.
        claims: Further claims. They replace the others.
        lifetime: How long the token is valid from now. A negative time makes an expired token.
        algorithm: HS256, which the API accepts, or HS384 or HS512, which it refuses.

    Returns:
        The token, a JWS in compact serialization.
    """
    start, end = _times(lifetime)
    optional = {
        "email": email,
        # `emailVerified` would mark the row of a user, and the API ignores `scope` in such rows.
        "email_verified": email_verified or None,
        "name": name,
        "role": ",".join(roles) or None,
        "scope": scope,
    }
    content = {"sub": user_id, "iat": start, "exp": end}
    content |= {claim: value for claim, value in optional.items() if value is not None}
    with warnings.catch_warnings():
        # HS384 and HS512 want longer secrets, but no API accepts these tokens.
        warnings.simplefilter("ignore", InsecureKeyLengthWarning)
        return jwt.encode({**content, **(claims or {})}, secret, algorithm=algorithm)


def mint_cookie(  # noqa: PLR0913 - an argument for each column
    secret: str,
    *,
    strategy: Strategy,
    user_id: str,
    email: str | None = None,
    email_verified: bool = False,
    name: str | None = None,
    roles: Sequence[str] = (),
    claims: Mapping[str, Any] | None = None,
    lifetime: timedelta = timedelta(hours=12),
) -> str:
    """Make the value of a session cookie that a server with the same secret accepts.

    Args:
        secret: The shared secret, at least 32 bytes long.
        strategy: The format, as `AUTH_COOKIE` names it.
        user_id: The id of the user.
        email: The e-mail address. Derived from the id if None.
        email_verified: Whether the address is verified.
        name: The name. Derived from the id if None.
        roles: The roles of the user.
        claims: Further columns of the user. They replace the others.
        lifetime: How long the session is valid from now. A negative time makes an expired session.
    """
    start, end = _times(lifetime)
    columns = {"email": email, "name": name, "role": ",".join(roles) or None}
    user = user_row(user_id, now=start) | {"emailVerified": email_verified}
    user |= {column: value for column, value in columns.items() if value is not None}
    session = session_row(user_id, token=secrets.token_urlsafe(24), now=start, end=end)
    content = cookie_content(session, {**user, **(claims or {})}, now=start)
    if strategy == "compact":
        return encode_compact(to_json(content), to_json(end * 1000), secret=secret.encode())
    content |= {"iat": start, "exp": end}
    if strategy == "jwt":
        return jwt.encode(content, secret, algorithm="HS256")
    return encode_jwe(to_json(content), secret=secret.encode())


def _times(lifetime: timedelta) -> tuple[int, int]:
    """Return when a token is issued and when it expires, in seconds since the epoch."""
    now = int(time.time())
    end = now + int(lifetime.total_seconds())
    return (now if end > now else end - _USUAL_LIFETIME), end
