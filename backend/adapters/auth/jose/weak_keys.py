"""Recognizes public keys that are too weak, or too slow, to verify signatures."""

import functools
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_RSA_BITS: Final = range(2048, 8192 + 1)  # RFC 7518, section 3.3
_RSA_EXPONENT_BITS: Final = 64

_ROCA_RESIDUES: Final = {  # CVE-2017-15361: primes built from powers of 65537
    prime: frozenset(pow(65537, power, prime) for power in range(prime - 1))
    for prime in (11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157)
}

_CHECKED_POINTS: Final = 2048
_ED25519_P: Final = 2**255 - 19
_ED25519_D: Final = -121665 * pow(121666, -1, _ED25519_P) % _ED25519_P


def weakness(key: object) -> str | None:
    """Return why a public key of `cryptography` must not be used; None for a good key."""
    if isinstance(key, RSAPublicKey):
        return _weakness_of_rsa(key)
    if isinstance(key, Ed25519PublicKey):
        return _weakness_of_point(int.from_bytes(key.public_bytes_raw(), "little") & (2**255 - 1))
    return None


def _weakness_of_rsa(key: RSAPublicKey) -> str | None:
    numbers = key.public_numbers()
    if key.key_size not in _RSA_BITS:
        return f"an RSA key of {key.key_size} bits"
    if numbers.e.bit_length() > _RSA_EXPONENT_BITS:
        return "an RSA key with an oversized exponent"
    if all(numbers.n % prime in residues for prime, residues in _ROCA_RESIDUES.items()):
        return "an RSA key whose primes can be guessed"
    return None


@functools.lru_cache(_CHECKED_POINTS)  # 0.1 ms for each key, and sets have up to 1,000 keys
def _weakness_of_point(y: int) -> str | None:
    """Check a point of -x^2 + y^2 = 1 + d x^2 y^2 by its y coordinate (RFC 8032, section 5.1)."""
    p, d = _ED25519_P, _ED25519_D
    if y >= p:
        return "an Ed25519 key in a non-canonical encoding"
    # Order 4 has y = 0, orders 1 and 2 have x = 0, order 8 doubles to order 4.
    if y * (y**2 - 1) * (d * y**4 + 2 * y**2 - 1) % p == 0:
        return "an Ed25519 key of small order"
    if pow((y**2 - 1) * (d * y**2 + 1), (p - 1) // 2, p) != 1:  # Euler: is x^2 a square?
        return "an Ed25519 key that is not on the curve"
    return None
