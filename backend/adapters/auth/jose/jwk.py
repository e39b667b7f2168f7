"""One JSON Web Key, judged before it is ever used (RFC 7517; RFC 8725, sections 3.1 and 3.5).

A key verifies the algorithms of its own family and curve, and no other: that is what makes an
RSA public key useless as an HMAC secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import Algorithm, OKPAlgorithm, get_default_algorithms
from jwt.exceptions import InvalidKeyError

from backend.adapters.auth.jose.algorithms import prepared
from backend.adapters.auth.jose.jws import decode_base64url
from backend.domain.auth import MalformedTokenError

HMAC_ALGORITHMS: Final = ("HS256",)
FITTING_ALGORITHMS: Final[Mapping[tuple[str, str | None], tuple[str, ...]]] = {
    ("RSA", None): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA", "Ed25519"),  # RFC 8037, and its fully specified name of RFC 9864
}
ASYMMETRIC_ALGORITHMS: Final = tuple(
    algorithm for fitting in FITTING_ALGORITHMS.values() for algorithm in fitting
)

_ALGORITHMS: Final[Mapping[str, Algorithm]] = {
    name: prepared(algorithm)
    for name, algorithm in {**get_default_algorithms(), "Ed25519": OKPAlgorithm()}.items()
}
_PUBLIC_MEMBERS: Final = {"RSA": ("n", "e"), "EC": ("x", "y"), "OKP": ("x",)}
_SECRET_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_RSA_BITS: Final = range(2048, 8192 + 1)
_RSA_EXPONENT_BITS: Final = 64
_SECRET_MIN_BYTES: Final = 32  # RFC 7518, section 3.2: no shorter than the hash
_KID_MAX_LENGTH: Final = 256

_ROCA_RESIDUES: Final = {  # CVE-2017-15361: primes made of powers of 65537
    prime: frozenset(pow(65537, power, prime) for power in range(prime - 1))
    for prime in (11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157)
}

_ED25519_P: Final = 2**255 - 19
_ED25519_D: Final = -121665 * pow(121666, -1, _ED25519_P) % _ED25519_P


class UnusableKeyError(Exception):
    """A key that must not verify anything; the message says why, and holds nothing of the key."""


@dataclass(frozen=True, slots=True, repr=False)
class VerificationKey:
    """A key, prepared, with the algorithms it may verify.

    Attributes:
        kid: The key's id in its set; None for a shared secret.
        algorithms: The algorithms that the key fits.
        material: The key as PyJWT prepared it.
    """

    kid: str | None
    algorithms: tuple[str, ...]
    material: Any

    def verify(self, algorithm: str, signing_input: bytes, signature: bytes) -> bool:
        """Tell whether the signature is this key's, by an algorithm that the key fits."""
        return algorithm in self.algorithms and _ALGORITHMS[algorithm].verify(
            signing_input, self.material, signature
        )


def secret_key(secret: bytes) -> VerificationKey:
    """Prepare a shared secret for HMAC.

    Raises:
        UnusableKeyError: The secret is too short, or a public key in disguise.
    """
    if len(secret) < _SECRET_MIN_BYTES:
        raise UnusableKeyError(f"a secret of less than {_SECRET_MIN_BYTES} bytes")
    try:
        material = _ALGORITHMS["HS256"].prepare_key(secret)
    except InvalidKeyError as error:
        raise UnusableKeyError(str(error)) from None
    return VerificationKey(kid=None, algorithms=HMAC_ALGORITHMS, material=material)


def public_key(jwk: object) -> VerificationKey:
    """Judge one member of a key set and prepare it.

    Args:
        jwk: The parsed JSON value. Untrusted.

    Raises:
        UnusableKeyError: It is not a sound public signature key with an id.
    """
    if not isinstance(jwk, dict):
        raise UnusableKeyError("not an object")
    fitting = _fitting_algorithms(jwk)
    _check_members(jwk)
    try:
        material = _ALGORITHMS[fitting[0]].from_jwk(jwk)
    except Exception as error:  # noqa: BLE001 - whatever a library thinks of a bad key, it is bad
        raise UnusableKeyError(f"not a valid {jwk['kty']} key: {type(error).__name__}") from None
    _check_strength(material)
    return VerificationKey(kid=jwk["kid"], algorithms=fitting, material=material)


def _fitting_algorithms(jwk: dict[str, Any]) -> tuple[str, ...]:
    kty, crv = jwk.get("kty"), jwk.get("crv")
    if not isinstance(kty, str) or not isinstance(crv, str | None):
        raise UnusableKeyError("kty or crv is not a string")
    fitting = FITTING_ALGORITHMS.get((kty, None if kty == "RSA" else crv))
    if fitting is None:
        raise UnusableKeyError("not a kind of public signature key that is supported")
    algorithm = jwk.get("alg")
    if algorithm is None:  # Better Auth up to 1.2 leaves it out
        return fitting
    if algorithm not in fitting:
        raise UnusableKeyError("alg does not fit the kind of key")
    return (algorithm,)


def _check_members(jwk: dict[str, Any]) -> None:
    kid = jwk.get("kid")
    if not (isinstance(kid, str) and 0 < len(kid) <= _KID_MAX_LENGTH and kid.isprintable()):
        raise UnusableKeyError("no kid that is short and printable")
    if not _SECRET_MEMBERS.isdisjoint(jwk):
        raise UnusableKeyError("a private or symmetric key")
    if jwk.get("use", "sig") != "sig":
        raise UnusableKeyError("use is not sig")
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise UnusableKeyError("key_ops lacks verify")
    for member in _PUBLIC_MEMBERS[jwk["kty"]]:
        try:
            decode_base64url(jwk[member].encode())
        except (KeyError, AttributeError, UnicodeError, MalformedTokenError):
            raise UnusableKeyError(f"{member} is not base64url") from None


def _check_strength(material: object) -> None:
    if isinstance(material, RSAPublicKey):
        numbers = material.public_numbers()
        if material.key_size not in _RSA_BITS:
            raise UnusableKeyError(f"an RSA key of {material.key_size} bits")
        if numbers.e.bit_length() > _RSA_EXPONENT_BITS:
            raise UnusableKeyError("an RSA key with an oversized exponent")
        if all(numbers.n % prime in residues for prime, residues in _ROCA_RESIDUES.items()):
            raise UnusableKeyError("an RSA key whose primes can be guessed")
    if isinstance(material, Ed25519PublicKey):
        _check_point(int.from_bytes(material.public_bytes_raw(), "little") & (2**255 - 1))


def _check_point(y: int) -> None:
    """Judge a point of -x^2 + y^2 = 1 + d x^2 y^2 by its y (RFC 8032, section 5.1)."""
    p, d = _ED25519_P, _ED25519_D
    if y >= p:
        raise UnusableKeyError("an Ed25519 key in a non-canonical encoding")
    # Order 4 has y = 0, orders 1 and 2 have x = 0, order 8 doubles to order 4.
    if y * (y**2 - 1) * (d * y**4 + 2 * y**2 - 1) % p == 0:
        raise UnusableKeyError("an Ed25519 key of small order")
    if pow((y**2 - 1) * (d * y**2 + 1), (p - 1) // 2, p) != 1:  # Euler: is x^2 a square?
        raise UnusableKeyError("an Ed25519 key that is not on the curve")
