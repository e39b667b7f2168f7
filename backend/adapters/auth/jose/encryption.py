"""Encrypts JWE with `dir` and A256CBC-HS512 (RFC 7518). For tests, and for development."""

import hashlib
import hmac
import os
from collections.abc import Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

from backend.adapters.auth.jose.encoding import b64, to_json

JWE_HEADER: Final[Mapping[str, Any]] = {"alg": "dir", "enc": "A256CBC-HS512"}

_BLOCK_BYTES: Final = 16
_TAG_BYTES: Final = 32


def thumbprint(key: bytes) -> str:
    """Return the JWK thumbprint of a symmetric key (RFC 7638)."""
    return b64(hashlib.sha256(to_json({"k": b64(key), "kty": "oct"})).digest())


def encrypt(  # noqa: PLR0913 - tests replace each part
    plain: bytes,
    key: bytes,
    *,
    header: Mapping[str, Any] | bytes = JWE_HEADER,
    iv: bytes | None = None,
    padding: bytes | None = None,
    cut: int = _TAG_BYTES,
    wrapped_key: bytes = b"",
) -> str:
    """Encrypt with A256CBC-HS512 (RFC 7518, section 5.2.2.1). The result can also be invalid.

    Args:
        plain: The plaintext.
        key: The MAC key and the encryption key, 64 bytes.
        header: The protected header, or the bytes of its JSON text.
        iv: The initialization vector, 16 bytes. Random by default.
        padding: Bytes to use instead of the PKCS #7 padding.
        cut: The length of the authentication tag in bytes.
        wrapped_key: The encrypted key. It is empty in a valid cookie.
    """
    if not isinstance(header, bytes):
        header = to_json(header)
    if iv is None:
        iv = os.urandom(_BLOCK_BYTES)
    if padding is None:
        size = _BLOCK_BYTES - len(plain) % _BLOCK_BYTES
        padding = bytes([size] * size)
    encryptor = Cipher(AES256(key[32:]), CBC(iv)).encryptor()
    ciphertext = encryptor.update(plain + padding) + encryptor.finalize()
    tag = authenticate(key, b64(header).encode(), iv, ciphertext)[:cut]
    return ".".join(b64(part) for part in (header, wrapped_key, iv, ciphertext, tag))


def authenticate(key: bytes, aad: bytes, iv: bytes, ciphertext: bytes) -> bytes:
    """Return the full HMAC. Its first half is the authentication tag."""
    length = (8 * len(aad)).to_bytes(8, "big")
    return hmac.digest(key[:32], aad + iv + ciphertext + length, "sha512")
