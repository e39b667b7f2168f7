"""Encodes session cookies with the secret, as Better Auth does. For tests, and for development."""

import hmac

from backend.adapters.auth.better_auth.cookie_formats import encryption_key
from backend.adapters.auth.jose.encoding import b64
from backend.adapters.auth.jose.encryption import JWE_HEADER, encrypt, thumbprint


def encode_compact(
    session: bytes, expires: bytes, *, secret: bytes, signature: str | None = None
) -> str:
    """Make a cookie of the strategy "compact": JSON with an HMAC.

    Args:
        session: The JSON text of the content.
        expires: When the cookie expires, in milliseconds since the epoch, as JSON.
        secret: The secret that signs the cookie.
        signature: Text to use instead of the real signature.
    """
    if signature is None:
        signed = session[:-1] + b',"expiresAt":' + expires + b"}"
        signature = b64(hmac.digest(secret, signed, "sha256"))
    text = b'{"session":%b,"expiresAt":%b,"signature":"%b"}'
    return b64(text % (session, expires, signature.encode()))


def encode_jwe(claims: bytes, *, secret: bytes, salt: bytes = b"better-auth-session") -> str:
    """Make a cookie of the strategy "jwe".

    Args:
        claims: The JSON text of the content, with `iat` and `exp`.
        secret: The secret that the encryption key is derived from.
        salt: The salt of the derivation.
    """
    key = encryption_key(secret, salt=salt)
    return encrypt(claims, key, header={**JWE_HEADER, "kid": thumbprint(key)})
