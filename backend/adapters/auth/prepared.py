"""PyJWT's algorithms, and its verdicts, for less: what all signatures have in common is made once.

HMAC and EdDSA have nothing of that kind, and are PyJWT's own.
"""

from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, AsymmetricPadding, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from jwt.algorithms import Algorithm, ECAlgorithm, RSAAlgorithm, RSAPSSAlgorithm


def prepared(algorithm: Algorithm) -> Algorithm:
    """Return an algorithm of PyJWT's, prepared if there is anything to prepare."""
    if isinstance(algorithm, ECAlgorithm):
        return _PreparedECAlgorithm(algorithm)
    if isinstance(algorithm, RSAPSSAlgorithm):
        return _PreparedRSAPSSAlgorithm(algorithm)
    if isinstance(algorithm, RSAAlgorithm):
        return _PreparedRSAAlgorithm(algorithm)
    return algorithm


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
    """RSASSA-PSS, its salt as long as its hash (RFC 7518, section 3.5)."""

    def __init__(self, algorithm: RSAPSSAlgorithm) -> None:
        super().__init__(algorithm)
        self._padding = PSS(MGF1(self._digest), self._digest.digest_size)


class _PreparedECAlgorithm(ECAlgorithm):
    """ECDSA (RFC 7518, section 3.4): R and S, big-endian, each as long as the curve's numbers."""

    def __init__(self, algorithm: ECAlgorithm) -> None:
        super().__init__(algorithm.hash_alg, algorithm.expected_curve)
        self._scheme = ECDSA(algorithm.hash_alg())

    def verify(self, msg: bytes, key: Any, sig: bytes) -> bool:
        size = (key.curve.key_size + 7) // 8
        if len(sig) != 2 * size:
            return False
        r, s = int.from_bytes(sig[:size], "big"), int.from_bytes(sig[size:], "big")
        try:
            key.verify(encode_dss_signature(r, s), msg, self._scheme)
        except InvalidSignature:
            return False
        return True
