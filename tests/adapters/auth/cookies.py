"""Session cookies made by hand, as Better Auth makes them and as it never would."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from backend.adapters.auth.better_auth.session_cookie import (
    CompactCookie,
    JweCookie,
    JwtCookie,
    OpenCookie,
)
from backend.adapters.auth.jose.jwk import ASYMMETRIC_ALGORITHMS
from backend.adapters.auth.jwks.key_set import read_key_set
from tests.adapters.auth.tokens import (
    ISSUER,
    NOW,
    SECRET,
    Signer,
    b64,
    key_set,
    present,
    secret_signer,
    signer,
    to_json,
    token,
)
from tests.adapters.auth.verifiers import FixedKeys

OLD_SECRET: Final = b"the secret that was shared before this one"
SESSION_TOKEN: Final = "the-session-token-that-nobody-may-see"
COOKIE_END: Final = NOW + 300
SESSION_END: Final = NOW + 7 * 86_400
JWE_HEADER: Final = {"alg": "dir", "enc": "A256CBC-HS512"}
IV: Final = bytes(range(16))


def iso(seconds: float) -> str:
    """Write a time down as JavaScript does."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def session_data(
    *,
    session: Mapping[str, Any] | None = None,
    user: Mapping[str, Any] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """Return what a session cookie holds, with some members changed."""
    usual_session = {
        "expiresAt": iso(SESSION_END),
        "token": SESSION_TOKEN,
        "createdAt": iso(NOW),
        "updatedAt": iso(NOW),
        "ipAddress": "127.0.0.1",
        "userAgent": "a browser",
        "userId": "user-1",
        "id": "session-1",
    }
    usual_user = {
        "name": "Alice",
        "email": "alice@example.com",
        "emailVerified": False,
        "image": None,
        "createdAt": iso(NOW),
        "updatedAt": iso(NOW),
        "id": "user-1",
    }
    return present(
        {
            "session": present({**usual_session, **(session or {})}),
            "user": present({**usual_user, **(user or {})}),
            "updatedAt": NOW * 1000,
            "version": "1",
            **changes,
        }
    )


def compact_cookie(
    data: Mapping[str, Any] | bytes | None = None,
    *,
    end: object = COOKIE_END,
    secret: bytes = SECRET,
    signature: str | None = None,
) -> str:
    """Make a cookie of the strategy "compact", of members or of the session's whole text."""
    session = data if isinstance(data, bytes) else to_json(session_data() if data is None else data)
    expires = to_json(int(end * 1000) if isinstance(end, int | float) else end)
    if signature is None:
        signed = session[:-1] + b',"expiresAt":' + expires + b"}"
        signature = b64(hmac.digest(secret, signed, "sha256"))
    text = b'{"session":%b,"expiresAt":%b,"signature":"%b"}'
    return b64(text % (session, expires, signature.encode()))


def jwt_cookie(
    data: Mapping[str, Any] | bytes | None = None,
    *,
    end: object = COOKIE_END,
    secret: bytes = SECRET,
    header: Mapping[str, Any] | None = None,
) -> str:
    """Make a cookie of the strategy "jwt", signed by the secret."""
    return token(secret_signer(secret), header=header, claims=_claims(data, end))


def jwks_cookie(
    data: Mapping[str, Any] | bytes | None = None,
    *,
    end: object = COOKIE_END,
    by: Signer | None = None,
    header: Mapping[str, Any] | None = None,
) -> str:
    """Make a cookie of the strategy "jwt", signed by a key of the key set."""
    if not isinstance(data, bytes):
        data = session_data() if data is None else data
        usual = {"sid": SESSION_TOKEN, "iss": ISSUER, "aud": "better-auth:session-cache"}
        data = {**usual, "sub": "user-1", **data}
    kind = {"typ": "better-auth.session-cache+jwt", **(header or {})}
    return token(by or signer("EdDSA"), header=kind, claims=_claims(data, end))


def jwe_cookie(
    data: Mapping[str, Any] | bytes | None = None,
    *,
    end: object = COOKIE_END,
    secret: bytes = SECRET,
    salt: bytes = b"better-auth-session",
) -> str:
    """Make a cookie of the strategy "jwe"."""
    key = encryption_key(secret, salt=salt)
    return encrypt(_claims(data, end), key, header={**JWE_HEADER, "kid": thumbprint(key)})


def _claims(data: Mapping[str, Any] | bytes | None, end: object) -> bytes:
    if isinstance(data, bytes):
        return data
    times = present({"iat": NOW, "exp": end})
    return to_json({**(session_data() if data is None else data), **times})


def encryption_key(secret: bytes = SECRET, *, salt: bytes = b"better-auth-session") -> bytes:
    """Derive a key as Better Auth does."""
    info = b"BetterAuth.js Generated Encryption Key"
    return HKDF(algorithm=SHA256(), length=64, salt=salt, info=info).derive(secret)


def thumbprint(key: bytes) -> str:
    """Name a key by its thumbprint (RFC 7638)."""
    return b64(hashlib.sha256(to_json({"k": b64(key), "kty": "oct"})).digest())


def encrypt(
    plain: bytes,
    key: bytes,
    *,
    header: Mapping[str, Any] | bytes = JWE_HEADER,
    iv: bytes = IV,
    padding: bytes | None = None,
    cut: int = 32,
    wrapped_key: bytes = b"",
) -> str:
    """Encrypt with A256CBC-HS512 (RFC 7518, section 5.2.2.1), padded and cut as it is said."""
    if not isinstance(header, bytes):
        header = to_json(header)
    if padding is None:
        size = 16 - len(plain) % 16
        padding = bytes([size] * size)
    encryptor = Cipher(AES256(key[32:]), CBC(iv)).encryptor()
    ciphertext = encryptor.update(plain + padding) + encryptor.finalize()
    tag = authenticate(key, b64(header).encode(), iv, ciphertext)[:cut]
    return ".".join(b64(part) for part in (header, wrapped_key, iv, ciphertext, tag))


def authenticate(key: bytes, aad: bytes, iv: bytes, ciphertext: bytes) -> bytes:
    """Return the whole HMAC, of which the tag is the first half."""
    length = (8 * len(aad)).to_bytes(8, "big")
    return hmac.digest(key[:32], aad + iv + ciphertext + length, "sha512")


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One of the formats that session cookies have.

    Attributes:
        make: Makes cookies of it: of members or a whole text, and of an end.
        opens: Opens them.
    """

    make: Callable[..., str]
    opens: Callable[[], OpenCookie]


def jwks_opener(*signers: Signer) -> JwtCookie:
    """Open cookies by keys of a key set."""
    keys = FixedKeys(read_key_set(key_set(*(signers or [signer("EdDSA")]))))
    sources = dict.fromkeys(ASYMMETRIC_ALGORITHMS, keys)
    return JwtCookie.of_jwks(sources, issuers=frozenset({ISSUER}))


FORMATS: Final[Mapping[str, Format]] = {
    "compact": Format(make=compact_cookie, opens=lambda: CompactCookie(SECRET)),
    "jwt": Format(make=jwt_cookie, opens=lambda: JwtCookie.of_secret(SECRET)),
    "jwks": Format(make=jwks_cookie, opens=jwks_opener),
    "jwe": Format(make=jwe_cookie, opens=lambda: JweCookie([SECRET, OLD_SECRET])),
}
