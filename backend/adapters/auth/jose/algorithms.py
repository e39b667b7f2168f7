"""PyJWT's algorithms with the same results and less work for each signature.

Objects that all signatures share are created once. Checks that always succeed here are left out:
messages are always bytes, and keys are always public keys of the right type.
"""

import hashlib
import hmac
from typing import Any, Final, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurve
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, AsymmetricPadding, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from jwt.algorithms import (
    Algorithm,
    ECAlgorithm,
    HMACAlgorithm,
    OKPAlgorithm,
    RSAAlgorithm,
    RSAPSSAlgorithm,
)

# The DER headers of an integer and of a pair, by content length (X.690, sections 8.3 and 10.1).
_INTEGER_MAX_BYTES: Final = 1 + 66  # a number of P-521 after the zero byte of its positive sign
_INTEGER: Final = [bytes((0x02, length)) for length in range(_INTEGER_MAX_BYTES + 1)]
_SHORT: Final = 0x7F  # the largest one-byte length, and first byte of a positive integer
_SEQUENCE: Final = [
    bytes((0x30, length) if length <= _SHORT else (0x30, 0x81, length))
    for length in range(2 * (2 + _INTEGER_MAX_BYTES) + 1)
]


def prepare(algorithm: Algorithm) -> Algorithm:
    """Return the fast version of a signature algorithm of PyJWT, other algorithms unchanged."""
    if isinstance(algorithm, HMACAlgorithm):
        return _PreparedHMACAlgorithm(algorithm)
    if isinstance(algorithm, OKPAlgorithm):
        return _PreparedOKPAlgorithm()
    if isinstance(algorithm, ECAlgorithm):
        return _PreparedECAlgorithm(algorithm)
    if isinstance(algorithm, RSAPSSAlgorithm):
        return _PreparedRSAPSSAlgorithm(algorithm)
    if isinstance(algorithm, RSAAlgorithm):
        return _PreparedRSAAlgorithm(algorithm)
    return algorithm


class _PreparedHMACAlgorithm(HMACAlgorithm):
    """HMAC (RFC 7518, section 3.2)."""

    def __init__(self, algorithm: HMACAlgorithm) -> None:
        super().__init__(algorithm.hash_alg)
        self._digest = algorithm.hash_alg().name

    def verify(self, msg: bytes, key: bytes, sig: bytes) -> bool:
        return hmac.compare_digest(hmac.digest(key, msg, self._digest), sig)


class _PreparedOKPAlgorithm(OKPAlgorithm):
    """EdDSA (RFC 8037, section 3.1)."""

    def verify(self, msg: Any, key: Any, sig: Any) -> bool:
        try:
            key.verify(sig, msg)
        except InvalidSignature:
            return False
        return True


class _PreparedRSAAlgorithm(RSAAlgorithm):
    """RSASSA-PKCS1-v1_5 (RFC 7518, section 3.3)."""

    def __init__(self, algorithm: RSAAlgorithm) -> None:
        super().__init__(algorithm.hash_alg)
        self._digest = algorithm.hash_alg()
        self._padding: AsymmetricPadding = PKCS1v15()

    def verify(self, msg: bytes, key: Any, sig: bytes) -> bool:
        try:
            key.verify(sig, msg, self._padding, self._digest)
        except InvalidSignature:
            return False
        return True


class _PreparedRSAPSSAlgorithm(_PreparedRSAAlgorithm, RSAPSSAlgorithm):
    """RSASSA-PSS with a salt as long as the hash (RFC 7518, section 3.5)."""

    def __init__(self, algorithm: RSAPSSAlgorithm) -> None:
        super().__init__(algorithm)
        self._padding = PSS(MGF1(self._digest), self._digest.digest_size)


class _PreparedECAlgorithm(ECAlgorithm):
    """ECDSA (RFC 7518, section 3.4): R and S, big-endian, each as long as the curve's numbers.

    `cryptography` expects the DER encoding of the pair, without leading zeros.
    """

    def __init__(self, algorithm: ECAlgorithm) -> None:
        super().__init__(algorithm.hash_alg, algorithm.expected_curve)
        digest = algorithm.hash_alg()
        self._empty = hashlib.new(digest.name)
        self._scheme = ECDSA(Prehashed(digest))
        curve = cast("type[EllipticCurve]", algorithm.expected_curve)  # PyJWT always sets it
        self._size = (curve().key_size + 7) // 8

    def verify(self, msg: bytes, key: Any, sig: bytes) -> bool:
        size = self._size
        if len(sig) != 2 * size:
            return False
        r, s = sig[:size].lstrip(b"\0"), sig[size:].lstrip(b"\0")
        if not r or not s:
            return False
        if r[0] > _SHORT:
            r = b"\0" + r
        if s[0] > _SHORT:
            s = b"\0" + s
        pair = _INTEGER[len(r)] + r + _INTEGER[len(s)] + s
        digest = self._empty.copy()
        digest.update(msg)
        try:
            key.verify(_SEQUENCE[len(pair)] + pair, digest.digest(), self._scheme)
        except InvalidSignature:
            return False
        return True
