"""JWE with a key shared directly: `dir` and A256CBC-HS512, and nothing else (RFC 7516, RFC 7518).

The tag is checked before anything is decrypted (RFC 7518, section 5.2.2.2), so that what padding
does with a forged text is never seen.
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
    """Decrypts compact JWEs with any of some keys.

    Args:
        keys: Keys of 64 bytes, the current one first.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = {thumbprint(key): key for key in keys}

    def decrypt(self, token: str) -> dict[str, Any]:
        """Return the claims in a token.

        Args:
            token: A JWE in compact serialization. Untrusted.

        Raises:
            MalformedTokenError: It is no such thing.
            InvalidAlgorithmError: It is encrypted in another way.
            UnsupportedTokenError: Its header asks for more.
            UnknownKeyError: It names a key that is not one of these.
            InvalidSignatureError: It is not authentic.
        """
        try:
            protected, wrapped_key, iv, ciphertext, tag = token.encode("ascii").split(b".")
        except ValueError:
            raise MalformedTokenError("not five segments of ASCII") from None
        header = decode_object(protected)
        if wrapped_key or (header.get("alg"), header.get("enc")) != ("dir", "A256CBC-HS512"):
            raise InvalidAlgorithmError("not dir with A256CBC-HS512")
        if not header.keys() <= _HEADERS:
            raise UnsupportedTokenError("a header parameter that is not understood")
        sealed = (decode_base64url(iv), decode_base64url(ciphertext), decode_base64url(tag))
        # The tag does not say where the IV ends, so that its holder could move that place.
        if len(sealed[0]) != _BLOCK_BYTES or len(sealed[1]) % _BLOCK_BYTES:
            raise MalformedTokenError("an IV or a ciphertext of no possible length")
        for key in self._candidates(header):
            text = _open(key, protected, *sealed)
            if text is not None:
                return load_object(text)
        raise InvalidSignatureError("no key authenticates this text")

    def _candidates(self, header: dict[str, Any]) -> Sequence[bytes]:
        if "kid" not in header:
            return list(self._keys.values())
        kid = header["kid"]
        if not isinstance(kid, str) or kid not in self._keys:
            raise UnknownKeyError("names a key that no secret gives")
        return [self._keys[kid]]


def thumbprint(key: bytes) -> str:
    """Return the JWK thumbprint of a symmetric key (RFC 7638, section 3.2)."""
    member = urlsafe_b64encode(key).rstrip(b"=")
    digest = sha256(b'{"k":"%b","kty":"oct"}' % member).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _open(key: bytes, aad: bytes, iv: bytes, ciphertext: bytes, tag: bytes) -> bytes | None:
    """Return the plain text, or None if it is not authentic (RFC 7518, section 5.2.2)."""
    mac_key, encryption_key = key[:32], key[32:]
    length = (len(aad) * 8).to_bytes(8, "big")
    made = hmac.digest(mac_key, aad + iv + ciphertext + length, sha512)[:32]
    if not hmac.compare_digest(made, tag):
        return None
    decryptor = Cipher(AES256(encryption_key), CBC(iv)).decryptor()
    padded = decryptor.update(ciphertext) + decryptor.finalize()
    unpadder = PKCS7(_BLOCK_BYTES * 8).unpadder()
    try:
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        raise MalformedTokenError("authentic, but not padded as it must be") from None
