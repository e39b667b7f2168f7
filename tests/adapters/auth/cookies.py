"""Makes session cookies by hand: valid ones as Better Auth does, and invalid ones."""

import hashlib
import hmac
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from backend.adapters.auth.better_auth.cookie_formats import (
    CompactCookieDecoder,
    CookieDecoder,
    JweCookieDecoder,
    JwtCookieDecoder,
)
from backend.adapters.auth.better_auth.session_cookie import SessionCookieVerifier
from backend.adapters.auth.jose.jwk import ASYMMETRIC_ALGORITHMS
from backend.adapters.auth.jwks.key_set import read_key_set
from backend.domain.auth import AuthError, Principal
from tests.adapters.auth.tokens import (
    ISSUER,
    NOW,
    SECRET,
    Signer,
    b64,
    drop_absent,
    key_set,
    secret_signer,
    signer,
    to_json,
    token,
)
from tests.adapters.auth.verifiers import FixedKeys

OLD_SECRET: Final = b"the secret that was shared before the current"
SESSION_TOKEN: Final = "the-session-token-that-must-stay-secret"
COOKIE_EXPIRY: Final = NOW + 300
SESSION_EXPIRY: Final = NOW + 7 * 86_400
JWE_HEADER: Final = {"alg": "dir", "enc": "A256CBC-HS512"}
IV: Final = bytes(range(16))

T = TypeVar("T")


def iso(seconds: float) -> str:
    """Format a time as JavaScript's `toISOString` does."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def session_data(
    *,
    session: Mapping[str, Any] | None = None,
    user: Mapping[str, Any] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """Return the content of a session cookie, with some members changed."""
    default_session = {
        "expiresAt": iso(SESSION_EXPIRY),
        "token": SESSION_TOKEN,
        "createdAt": iso(NOW),
        "updatedAt": iso(NOW),
        "ipAddress": "127.0.0.1",
        "userAgent": "a browser",
        "userId": "user-1",
        "id": "session-1",
    }
    default_user = {
        "name": "Alice",
        "email": "alice@example.com",
        "emailVerified": False,
        "image": None,
        "createdAt": iso(NOW),
        "updatedAt": iso(NOW),
        "id": "user-1",
    }
    return drop_absent(
        {
            "session": drop_absent({**default_session, **(session or {})}),
            "user": drop_absent({**default_user, **(user or {})}),
            "updatedAt": NOW * 1000,
            "version": "1",
            **changes,
        }
    )


def compact_cookie(
    data: Mapping[str, Any] | bytes | None = None,
    *,
    end: object = COOKIE_EXPIRY,
    secret: bytes = SECRET,
    signature: str | None = None,
) -> str:
    """Make a cookie of the strategy "compact".

    Args:
        data: The members of the session, or the bytes of its whole JSON text.
        end: When the cookie expires, in seconds since the epoch, or any invalid value.
        secret: The secret that signs the cookie.
        signature: Text to use instead of the real signature.
    """
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
    end: object = COOKIE_EXPIRY,
    secret: bytes = SECRET,
    header: Mapping[str, Any] | None = None,
) -> str:
    """Make a cookie of the strategy "jwt" that the secret signs."""
    return token(secret_signer(secret), header=header, claims=_claims(data, end))


def jwks_cookie(
    data: Mapping[str, Any] | bytes | None = None,
    *,
    end: object = COOKIE_EXPIRY,
    by: Signer | None = None,
    header: Mapping[str, Any] | None = None,
) -> str:
    """Make a cookie of the strategy "jwt" that a key of the JWKS signs."""
    if not isinstance(data, bytes):
        data = session_data() if data is None else data
        defaults = {"sid": SESSION_TOKEN, "iss": ISSUER, "aud": "better-auth:session-cache"}
        data = {**defaults, "sub": "user-1", **data}
    header = {"typ": "better-auth.session-cache+jwt", **(header or {})}
    return token(by or signer("EdDSA"), header=header, claims=_claims(data, end))


def jwe_cookie(
    data: Mapping[str, Any] | bytes | None = None,
    *,
    end: object = COOKIE_EXPIRY,
    secret: bytes = SECRET,
    salt: bytes = b"better-auth-session",
) -> str:
    """Make a cookie of the strategy "jwe"."""
    key = encryption_key(secret, salt=salt)
    return encrypt(_claims(data, end), key, header={**JWE_HEADER, "kid": thumbprint(key)})


def _claims(data: Mapping[str, Any] | bytes | None, end: object) -> bytes:
    if isinstance(data, bytes):
        return data
    times = drop_absent({"iat": NOW, "exp": end})
    return to_json({**(session_data() if data is None else data), **times})


def encryption_key(secret: bytes = SECRET, *, salt: bytes = b"better-auth-session") -> bytes:
    """Derive the encryption key as Better Auth does."""
    info = b"BetterAuth.js Generated Encryption Key"
    return HKDF(algorithm=SHA256(), length=64, salt=salt, info=info).derive(secret)


def thumbprint(key: bytes) -> str:
    """Return the JWK thumbprint of a key (RFC 7638)."""
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
    """Encrypt with A256CBC-HS512 (RFC 7518, section 5.2.2.1).

    Args:
        plain: The plaintext.
        key: The MAC key and the encryption key, 64 bytes.
        header: The protected header, or the bytes of its JSON text.
        iv: The initialization vector.
        padding: Bytes to use instead of the PKCS #7 padding.
        cut: The length of the authentication tag in bytes.
        wrapped_key: The encrypted key. It is empty in a valid cookie.
    """
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
    """Return the full HMAC. Its first half is the authentication tag."""
    length = (8 * len(aad)).to_bytes(8, "big")
    return hmac.digest(key[:32], aad + iv + ciphertext + length, "sha512")


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format of session cookies.

    Attributes:
        make: Makes a cookie from its members or its whole text, and its expiry.
        decoder: Makes a decoder for the format.
    """

    make: Callable[..., str]
    decoder: Callable[[], CookieDecoder]


def jwks_decoder(*signers: Signer) -> JwtCookieDecoder:
    """Make a decoder for cookies that keys of a JWKS sign. One Ed25519 key by default."""
    keys = FixedKeys(read_key_set(key_set(*(signers or [signer("EdDSA")]))))
    sources = dict.fromkeys(ASYMMETRIC_ALGORITHMS, keys)
    return JwtCookieDecoder.with_jwks(sources, issuers=frozenset({ISSUER}))


FORMATS: Final[Mapping[str, Format]] = {
    "compact": Format(make=compact_cookie, decoder=lambda: CompactCookieDecoder(SECRET)),
    "jwt": Format(make=jwt_cookie, decoder=lambda: JwtCookieDecoder.with_secret(SECRET)),
    "jwks": Format(make=jwks_cookie, decoder=jwks_decoder),
    "jwe": Format(make=jwe_cookie, decoder=lambda: JweCookieDecoder([SECRET, OLD_SECRET])),
}


def cookie_verifier(decoder: CookieDecoder, **options: Any) -> SessionCookieVerifier:
    """Make a verifier whose clock shows `NOW`."""
    return SessionCookieVerifier(decoder, **{"clock": lambda: NOW, **options})


async def verify_cookie(cookie_format: Format, text: str, **options: Any) -> Principal:
    """Verify a cookie. The options are those of `SessionCookieVerifier`."""
    return await cookie_verifier(cookie_format.decoder(), **options).verify(text)


async def assert_cookie_rejected(
    error: type[AuthError], cookie_format: Format, text: str, **options: Any
) -> None:
    """Check that a cookie is rejected with exactly this error."""
    with pytest.raises(error) as caught:
        await verify_cookie(cookie_format, text, **options)
    assert type(caught.value) is error


def run_sync(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits. This takes a tenth of the time of an event loop."""
    with pytest.raises(StopIteration) as stop:
        coroutine.send(None)
    result: T = stop.value.value
    return result
