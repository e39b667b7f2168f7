"""Makes Better Auth's session cookies, in each format of its cookie cache."""

from collections.abc import Mapping
from typing import Any, Final

from backend.adapters.auth.better_auth.cookie_encoders import encode_compact, encode_jwe
from backend.adapters.auth.better_auth.rows import cookie_content, session_row
from backend.testing.encoding import drop_absent, to_json
from backend.testing.signers import Signer, secret_signer
from backend.testing.tokens import USER_ID, sign_token, user_row

COOKIE_NAME: Final = "better-auth.session_data"
SESSION_TOKEN: Final = "the-session-token-that-must-stay-secret"  # noqa: S105 - for tests
COOKIE_LIFETIME: Final = 300  # seconds
SESSION_LIFETIME: Final = 7 * 86_400  # seconds

Members = Mapping[str, Any]


def session_data(
    *,
    now: float,
    session: Members | None = None,
    user: Members | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """Return the content of a session cookie. A member with the value `ABSENT` is left out.

    Args:
        now: When the cookie is made, in seconds since the epoch.
        session: Members of the session to change or add, for example `activeOrganizationId`.
        user: Columns of the user to change or add. The name and the e-mail address are derived
            from `id`.
        **changes: Other members to change or add: `updatedAt`, `version`.
    """
    user = user or {}
    user_id = _id_of(user)
    default_session = session_row(user_id, token=SESSION_TOKEN, now=now, end=now + SESSION_LIFETIME)
    content = cookie_content(
        drop_absent({**default_session, **(session or {})}),
        user_row(user_id, now=now, **user),
        now=now,
    )
    return drop_absent({**content, **changes})


def compact_cookie(
    data: Members | bytes, *, end: object, secret: bytes, signature: str | None = None
) -> str:
    """Make a cookie of the strategy "compact": JSON with an HMAC.

    Args:
        data: The result of `session_data`, or the bytes of the whole JSON text.
        end: When the cookie expires, in seconds since the epoch, or any invalid value.
        secret: The secret that signs the cookie.
        signature: Text to use instead of the real signature.
    """
    session = data if isinstance(data, bytes) else to_json(data)
    expires = to_json(int(end * 1000) if isinstance(end, int | float) else end)
    return encode_compact(session, expires, secret=secret, signature=signature)


def jwt_cookie(
    data: Members | bytes,
    *,
    start: float,
    end: object,
    secret: bytes,
    header: Members | None = None,
) -> str:
    """Make a cookie of the strategy "jwt" that the secret signs.

    Args:
        data: The result of `session_data`, or the bytes of the whole payload.
        start: When the cookie is made, in seconds since the epoch.
        end: When the cookie expires, in seconds since the epoch, or any invalid value.
        secret: The secret that signs the cookie.
        header: Members of the header to change or add.
    """
    return sign_token(secret_signer(secret), _claims(data, start, end), header=header)


def jwks_cookie(
    data: Members | bytes,
    *,
    start: float,
    end: object,
    origin: str,
    signer: Signer,
    header: Members | None = None,
) -> str:
    """Make a cookie of the strategy "jwt" that a key of the JWKS signs (Better Auth 1.7).

    Args:
        data: The result of `session_data`, or the bytes of the whole payload.
        start: When the cookie is made, in seconds since the epoch.
        end: When the cookie expires, in seconds since the epoch, or any invalid value.
        origin: The origin of Better Auth, which is the issuer.
        signer: The key that signs the cookie.
        header: Members of the header to change or add.
    """
    if not isinstance(data, bytes):
        registered = {"sid": SESSION_TOKEN, "iss": origin, "aud": "better-auth:session-cache"}
        data = {**registered, "sub": _id_of(data.get("user")), **data}
    header = {"typ": "better-auth.session-cache+jwt", **(header or {})}
    return sign_token(signer, _claims(data, start, end), header=header)


def jwe_cookie(
    data: Members | bytes,
    *,
    start: float,
    end: object,
    secret: bytes,
    salt: bytes = b"better-auth-session",
) -> str:
    """Make a cookie of the strategy "jwe".

    Args:
        data: The result of `session_data`, or the bytes of the whole plaintext.
        start: When the cookie is made, in seconds since the epoch.
        end: When the cookie expires, in seconds since the epoch, or any invalid value.
        secret: The secret that the encryption key is derived from.
        salt: The salt of the derivation.
    """
    return encode_jwe(_claims(data, start, end), secret=secret, salt=salt)


def _claims(data: Members | bytes, start: float, end: object) -> bytes:
    if isinstance(data, bytes):
        return data
    return to_json({**data, **drop_absent({"iat": int(start), "exp": end})})


def _id_of(user: object) -> str:
    user_id = user.get("id") if isinstance(user, Mapping) else None
    return user_id if isinstance(user_id, str) else USER_ID
