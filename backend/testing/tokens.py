"""Signs tokens like Better Auth, and describes their claims."""

import time
from collections.abc import Mapping
from typing import Any, Final

from backend.adapters.auth.better_auth import rows
from backend.testing.encoding import ABSENT, b64, drop_absent, to_json
from backend.testing.signers import Signer, secret_signer

USER_ID: Final = "user-1"
LIFETIME: Final = 900  # seconds
ACCESS_LIFETIME: Final = 3600  # seconds


def sign_token(
    signer: Signer,
    claims: Mapping[str, Any] | bytes,
    *,
    header: Mapping[str, Any] | bytes | None = None,
    signature: bytes | None = None,
) -> str:
    """Sign a JWT (RFC 7515, section 7.1), without checks: the JWT can also be invalid.

    Args:
        signer: The key. Its algorithm and key id go into the header.
        claims: The claims, or the bytes of the payload.
        header: Members of the header to change or add, or the bytes of the whole header. A member
            with the value `ABSENT` is left out.
        signature: Bytes to use instead of the real signature.
    """
    if not isinstance(header, bytes):
        defaults = {"alg": signer.algorithm, "kid": ABSENT if signer.kid is None else signer.kid}
        header = to_json(drop_absent({**defaults, **(header or {})}))
    payload = claims if isinstance(claims, bytes) else to_json(claims)
    signing_input = f"{b64(header)}.{b64(payload)}"
    if signature is None:
        signature = signer.sign(signing_input.encode())
    return f"{signing_input}.{b64(signature)}"


def user_row(user_id: str, *, now: float, **columns: Any) -> dict[str, Any]:
    """Return the row of a user as Better Auth writes it into tokens and cookies.

    Args:
        user_id: The id of the user. The name and the e-mail address are derived from the id.
        now: When the user signed up, in seconds since the epoch.
        **columns: Columns to change or add, for example `role="admin"`. A column with the value
            `ABSENT` is left out.
    """
    return drop_absent({**rows.user_row(user_id, now=now), **columns})


def user_claims(*, now: float, sub: object = USER_ID, **changes: Any) -> dict[str, Any]:
    """Return the claims of a token from Better Auth's `/token`: the row of a user, and the times.

    Args:
        now: When the token is issued, in seconds since the epoch. The token is valid for 15
            minutes.
        sub: The id of the user. The name and the e-mail address are derived from the id.
        **changes: Claims to change or add, `iss` and `aud` among them. A claim with the value
            `ABSENT` is left out.
    """
    row = user_row(sub if isinstance(sub, str) else USER_ID, now=now)
    claims = {"iat": int(now), **row, "sub": sub, "exp": int(now) + LIFETIME}
    return drop_absent({**claims, **changes})


def access_token_claims(
    scope: str, *, now: float, sub: object = USER_ID, **changes: Any
) -> dict[str, Any]:
    """Return the claims of an OAuth access token: no e-mail address, but scopes (RFC 9068).

    Args:
        scope: The granted scopes, separated by spaces.
        now: When the token is issued, in seconds since the epoch. The token is valid for an hour.
        sub: The id of the user.
        **changes: Claims to change or add, `iss` and `aud` among them. A claim with the value
            `ABSENT` is left out.
    """
    client = {"client_id": "client-1", "azp": "client-1", "sid": "session-1"}
    times = {"iat": int(now), "exp": int(now) + ACCESS_LIFETIME}
    return drop_absent({"sub": sub, **client, "scope": scope, **times, **changes})


def secret_token(secret: str, **claims: Any) -> str:
    """Sign a token with the shared secret (HS256), for an API with `BETTER_AUTH_SECRET` only.

    Args:
        secret: The value of `BETTER_AUTH_SECRET`.
        **claims: Claims that differ from those of a valid token of the user `user-1`. A claim with
            the value `ABSENT` is left out.
    """
    return sign_token(secret_signer(secret.encode()), user_claims(now=time.time(), **claims))


def email_link_token(secret: str, *, email: str = f"{USER_ID}@example.com") -> str:
    """Sign the token of a link that Better Auth sends by e-mail. An API must refuse such a token.

    Args:
        secret: The value of `BETTER_AUTH_SECRET`.
        email: The address that the link verifies.
    """
    now = int(time.time())
    claims = {"email": email, "iat": now, "exp": now + 3600}
    return sign_token(secret_signer(secret.encode()), claims)
