"""Key pairs that sign tokens, with each algorithm of Better Auth, and the key sets of an issuer."""

import functools
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from backend.testing.encoding import b64, b64_int, drop_absent, to_json

ALGORITHMS: Final = (
    *("EdDSA", "Ed25519", "ES256", "ES384", "ES512"),
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
)

_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
_CURVES: Final[Mapping[str, tuple[str, ec.EllipticCurve, int]]] = {
    "ES256": ("P-256", ec.SECP256R1(), 32),
    "ES384": ("P-384", ec.SECP384R1(), 48),
    "ES512": ("P-521", ec.SECP521R1(), 66),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A key pair and the algorithm that it signs with.

    Attributes:
        algorithm: The value of `alg`.
        kid: The key id, or None for a key without an id.
        sign: Signs a message.
        public: The public members of the JWK.
    """

    algorithm: str
    kid: str | None
    sign: Callable[[bytes], bytes]
    public: Mapping[str, Any]

    def jwk(self, **changes: Any) -> dict[str, Any]:
        """Return the public key as Better Auth publishes it, with some members changed."""
        members = {"alg": self.algorithm, "kid": self.kid, **self.public}
        return drop_absent({**members, **changes})


def key_set(*keys: object) -> bytes:
    """Serialize a JWKS (RFC 7517, section 5). A key is a signer or any JSON value."""
    return to_json({"keys": [key.jwk() if isinstance(key, Signer) else key for key in keys]})


def signer(algorithm: str, kid: str | None = "key-1") -> Signer:
    """Return the signer for an algorithm and a key id. Each pair has its own key.

    Args:
        algorithm: A member of `ALGORITHMS`.
        kid: The key id, or None for a key without an id.
    """
    return _signer(algorithm, kid)


@functools.cache
def _signer(algorithm: str, kid: str | None) -> Signer:
    family = algorithm[:2]
    if family == "Ed":
        return ed25519_signer(_ed25519_key(kid), algorithm=algorithm, kid=kid)
    if family == "ES":
        return _ec_signer(algorithm, kid)
    return rsa_signer(rsa.generate_private_key(65537, 2048), algorithm=algorithm, kid=kid)


def secret_signer(secret: bytes, *, hash_name: str = "sha256") -> Signer:
    """Return a signer with a shared secret: HS256, or the algorithm of another hash."""

    def sign(signing_input: bytes) -> bytes:
        return hmac.new(secret, signing_input, hash_name).digest()

    return Signer(
        algorithm="HS" + hash_name.removeprefix("sha"), kid=None, sign=sign, public={"kty": "oct"}
    )


def ed25519_signer(
    key: ed25519.Ed25519PrivateKey, *, algorithm: str = "EdDSA", kid: str | None = "key-1"
) -> Signer:
    """Return the signer of an Ed25519 key (RFC 8037)."""
    public = {"kty": "OKP", "crv": "Ed25519", "x": b64(key.public_key().public_bytes_raw())}
    return Signer(algorithm=algorithm, kid=kid, sign=key.sign, public=public)


def rsa_signer(
    key: rsa.RSAPrivateKey, *, algorithm: str = "RS256", kid: str | None = "key-1"
) -> Signer:
    """Return the signer of an RSA key (RFC 7518, sections 3.3 and 3.5)."""
    numbers = key.public_key().public_numbers()
    public = {"kty": "RSA", "n": b64_int(numbers.n), "e": b64_int(numbers.e)}
    digest = _HASHES[algorithm[2:]]
    pad: padding.AsymmetricPadding = padding.PKCS1v15()
    if algorithm.startswith("PS"):
        pad = padding.PSS(padding.MGF1(digest), salt_length=digest.digest_size)

    def sign(signing_input: bytes) -> bytes:
        return key.sign(signing_input, pad, digest)

    return Signer(algorithm=algorithm, kid=kid, sign=sign, public=public)


def _ec_signer(algorithm: str, kid: str | None) -> Signer:
    """Return the signer of a new elliptic-curve key (RFC 7518, section 3.4)."""
    name, curve, size = _CURVES[algorithm]
    key = ec.generate_private_key(curve)
    numbers = key.public_key().public_numbers()
    coordinates = {"x": b64_int(numbers.x, size), "y": b64_int(numbers.y, size)}

    def sign(signing_input: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(signing_input, ec.ECDSA(_HASHES[algorithm[2:]])))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    public = {"kty": "EC", "crv": name, **coordinates}
    return Signer(algorithm=algorithm, kid=kid, sign=sign, public=public)


def _ed25519_key(kid: str | None) -> ed25519.Ed25519PrivateKey:
    """Return the key of a key id. Every process has the same key."""
    return ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(str(kid).encode()).digest())
