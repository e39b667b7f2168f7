"""JSON Web Keys, validated before use (RFC 7517; RFC 8725, sections 3.1 and 3.5).

A key verifies only the algorithms of its own type and curve. So an RSA public key is useless as
an HMAC secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jwt.algorithms import Algorithm, OKPAlgorithm, get_default_algorithms
from jwt.exceptions import InvalidKeyError

from backend.adapters.auth.jose.algorithms import prepare
from backend.adapters.auth.jose.jws import decode_base64url
from backend.adapters.auth.jose.weak_keys import weakness
from backend.domain.auth import MalformedTokenError

KID_MAX_LENGTH: Final = 256  # characters
HMAC_ALGORITHMS: Final = ("HS256",)
ALGORITHMS_BY_KEY_TYPE: Final[Mapping[tuple[str, str | None], tuple[str, ...]]] = {
    ("RSA", None): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA", "Ed25519"),  # RFC 8037; RFC 9864
}
ASYMMETRIC_ALGORITHMS: Final = tuple(
    algorithm for algorithms in ALGORITHMS_BY_KEY_TYPE.values() for algorithm in algorithms
)

_ALGORITHMS: Final[Mapping[str, Algorithm]] = {
    name: prepare(algorithm)
    for name, algorithm in {**get_default_algorithms(), "Ed25519": OKPAlgorithm()}.items()
}
_PUBLIC_MEMBERS: Final = {"RSA": ("n", "e"), "EC": ("x", "y"), "OKP": ("x",)}
_SECRET_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_SECRET_MIN_BYTES: Final = 32  # RFC 7518, section 3.2: at least as long as the hash


class UnusableKeyError(Exception):
    """The key must not be used. The message says why and does not quote the key."""


@dataclass(frozen=True, slots=True, repr=False)
class VerificationKey:
    """A key that is ready for use, with the algorithms that it may verify.

    Attributes:
        kid: The key id; None for a shared secret, and for a JWK without an id.
        algorithms: The algorithms that the key fits.
        material: The key object of PyJWT.
    """

    kid: str | None
    algorithms: tuple[str, ...]
    material: Any

    def verify(self, algorithm: str, signing_input: bytes, signature: bytes) -> bool:
        """Return whether the key made this signature with an algorithm that fits the key."""
        return algorithm in self.algorithms and _ALGORITHMS[algorithm].verify(
            signing_input, self.material, signature
        )


def secret_key(secret: bytes) -> VerificationKey:
    """Prepare a shared secret for HMAC.

    Raises:
        UnusableKeyError: The secret is too short, or is a public key.
    """
    if len(secret) < _SECRET_MIN_BYTES:
        raise UnusableKeyError(f"the secret has less than {_SECRET_MIN_BYTES} bytes")
    try:
        material = _ALGORITHMS["HS256"].prepare_key(secret)
    except InvalidKeyError as error:
        raise UnusableKeyError(str(error)) from None
    return VerificationKey(kid=None, algorithms=HMAC_ALGORITHMS, material=material)


def public_key(jwk: object) -> VerificationKey:
    """Validate and prepare a member of a key set.

    Args:
        jwk: The parsed JSON value. Untrusted.

    Raises:
        UnusableKeyError: The JWK is not a strong public signature key.
    """
    if not isinstance(jwk, dict):
        raise UnusableKeyError("not an object")
    fitting = _fitting_algorithms(jwk)
    _check_members(jwk)
    numbers = {member: _unpadded(jwk, member) for member in _PUBLIC_MEMBERS[jwk["kty"]]}
    try:
        material = _ALGORITHMS[fitting[0]].from_jwk({**jwk, **numbers})
    except Exception as error:  # noqa: BLE001 - libraries raise many types for bad keys
        raise UnusableKeyError(f"not a valid {jwk['kty']} key: {type(error).__name__}") from None
    if reason := weakness(material):
        raise UnusableKeyError(reason)
    return VerificationKey(kid=jwk.get("kid"), algorithms=fitting, material=material)


def _fitting_algorithms(jwk: dict[str, Any]) -> tuple[str, ...]:
    kty, crv = jwk.get("kty"), jwk.get("crv")
    if not isinstance(kty, str) or not isinstance(crv, str | None):
        raise UnusableKeyError("kty or crv is not a string")
    fitting = ALGORITHMS_BY_KEY_TYPE.get((kty, None if kty == "RSA" else crv))
    if fitting is None:
        raise UnusableKeyError("not a supported type of public signature key")
    algorithm = jwk.get("alg")
    if algorithm is None:  # Better Auth up to 1.2 omits alg
        return fitting
    if algorithm not in fitting:
        raise UnusableKeyError("alg does not fit the type of key")
    return (algorithm,)


def _check_members(jwk: dict[str, Any]) -> None:
    """Check the optional members. A member that is null counts as absent."""
    kid = jwk.get("kid")
    if kid is not None and not (
        isinstance(kid, str) and 0 < len(kid) <= KID_MAX_LENGTH and kid.isprintable()
    ):
        raise UnusableKeyError("kid is not a short printable string")
    if not _SECRET_MEMBERS.isdisjoint(jwk):
        raise UnusableKeyError("a private or symmetric key")
    if jwk.get("use") not in (None, "sig"):
        raise UnusableKeyError("use is not sig")
    operations = jwk.get("key_ops")
    if operations not in (None, []) and not (
        isinstance(operations, list) and "verify" in operations
    ):
        raise UnusableKeyError("key_ops does not contain verify")


def _unpadded(jwk: dict[str, Any], member: str) -> str:
    """Return a base64url member. Some issuers add the padding that RFC 7515 leaves out."""
    try:
        text: str = jwk[member]
        if len(text) % 4 == 0 and text.endswith("="):
            text = text[:-1].removesuffix("=")
        decode_base64url(text.encode())
    except (KeyError, AttributeError, TypeError, UnicodeError, MalformedTokenError):
        raise UnusableKeyError(f"{member} is not base64url") from None
    return text
