"""ECDSA with PyJWT's verdicts for less: what all signatures have in common is made once."""

from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from jwt.algorithms import ECAlgorithm


class PreparedECAlgorithm(ECAlgorithm):
    """One of PyJWT's ECDSA algorithms, prepared.

    Args:
        algorithm: PyJWT's own.
    """

    def __init__(self, algorithm: ECAlgorithm) -> None:
        super().__init__(algorithm.hash_alg, algorithm.expected_curve)
        self._scheme = ECDSA(algorithm.hash_alg())

    def verify(self, msg: bytes, key: Any, sig: bytes) -> bool:
        """Tell whether the signature is this key's (RFC 7518, section 3.4).

        Args:
            msg: What was signed.
            key: A public key, as PyJWT prepared it.
            sig: R and S, big-endian, each as long as the curve's numbers are. Untrusted.
        """
        size = (key.curve.key_size + 7) // 8
        if len(sig) != 2 * size:
            return False
        r, s = int.from_bytes(sig[:size], "big"), int.from_bytes(sig[size:], "big")
        try:
            key.verify(encode_dss_signature(r, s), msg, self._scheme)
        except InvalidSignature:
            return False
        return True
