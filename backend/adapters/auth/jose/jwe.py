"""JWE with a shared key: `dir` with A256CBC-HS512 only (RFC 7516, RFC 7518).

The tag is checked before decryption (RFC 7518, section 5.2.2.2), so the error for a forged text
does not depend on its padding.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256, sha512
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from backend.adapters.auth.jose.jws import decode_base64url, decode_object, load_object
from backend.domain.auth import (
    InvalidAlgorithmError,
    InvalidSignatureError,
    MalformedTokenError,
    UnknownKeyError,
    UnsupportedTokenError,
)

KEY_BYTES: Final = 64

_BLOCK_BYTES: Final = 16
_HEADERS: Final = frozenset({"alg", "enc", "kid", "typ"})


class DirectDecryption:
    """Decrypts compact JWEs with any of several keys.

    Args:
        keys: Keys of 64 bytes, the current key first.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = {thumbprint(key): key for key in keys}

    def decrypt(self, token: str) -> dict[str, Any]:
        """Return the claims of a token.

        Args:
            token: A JWE in compact serialization. Untrusted.

        Raises:
            MalformedTokenError: The token is not a compact JWE with JSON claims.
            InvalidAlgorithmError: The token uses another encryption.
            UnsupportedTokenError: The header has parameters that are not supported.
            UnknownKeyError: The token names another key.
            InvalidSignatureError: No key authenticates the token.
        """
        try:
            protected, wrapped_key, iv, ciphertext, tag = token.encode("ascii").split(b".")
        except ValueError:
            raise MalformedTokenError("not five ASCII segments") from None
        header = decode_object(protected)
        if wrapped_key or (header.get("alg"), header.get("enc")) != ("dir", "A256CBC-HS512"):
            raise InvalidAlgorithmError("the encryption is not dir with A256CBC-HS512")
        if not header.keys() <= _HEADERS:
            raise UnsupportedTokenError("an unsupported header parameter")
        encrypted = (decode_base64url(iv), decode_base64url(ciphertext), decode_base64url(tag))
        # The tag does not cover the border between IV and ciphertext, so the lengths are checked.
        if len(encrypted[0]) != _BLOCK_BYTES or len(encrypted[1]) % _BLOCK_BYTES:
            raise MalformedTokenError("the IV or the ciphertext has an invalid length")
        for key in self._candidates(header):
            plaintext = _decrypt(key, protected, *encrypted)
            if plaintext is not None:
                return load_object(plaintext, lone_surrogates=True)
        raise InvalidSignatureError("no key authenticates the token")

    def _candidates(self, header: dict[str, Any]) -> Sequence[bytes]:
        if "kid" not in header:
            return list(self._keys.values())
        kid = header["kid"]
        if not isinstance(kid, str) or kid not in self._keys:
            raise UnknownKeyError("the kid is not the id of a configured key")
        return [self._keys[kid]]


def thumbprint(key: bytes) -> str:
    """Return the JWK thumbprint of a symmetric key (RFC 7638, section 3.2)."""
    member = urlsafe_b64encode(key).rstrip(b"=")
    digest = sha256(b'{"k":"%b","kty":"oct"}' % member).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _decrypt(key: bytes, aad: bytes, iv: bytes, ciphertext: bytes, tag: bytes) -> bytes | None:
    """Return the plaintext, or None if the tag is wrong (RFC 7518, section 5.2.2)."""
    mac_key, encryption_key = key[:32], key[32:]
    length = (len(aad) * 8).to_bytes(8, "big")
    expected_tag = hmac.digest(mac_key, aad + iv + ciphertext + length, sha512)[:32]
    if not hmac.compare_digest(expected_tag, tag):
        return None
    decryptor = Cipher(AES256(encryption_key), CBC(iv)).decryptor()
    padded = decryptor.update(ciphertext) + decryptor.finalize()
    unpadder = PKCS7(_BLOCK_BYTES * 8).unpadder()
    try:
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        raise MalformedTokenError("the padding is invalid") from None
