"""Makes keys and tokens by hand, so that tests can also make invalid ones."""

import base64
import functools
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

NOW: Final = 1_800_000_000
ISSUER: Final = "https://app.example.com"
SECRET: Final = b"a secret that the issuer and this server share"
ABSENT: Final = object()  # as the value of a member: leave the member out

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


def drop_absent(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members whose value is not `ABSENT`."""
    return {name: value for name, value in members.items() if value is not ABSENT}


def b64(data: bytes) -> str:
    """Encode as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def b64_int(number: int, size: int | None = None) -> str:
    """Encode a number as JWKs do: base64url of `size` big-endian bytes."""
    return b64(number.to_bytes(size or (number.bit_length() + 7) // 8 or 1, "big"))


def to_json(value: object) -> bytes:
    """Serialize JSON as JavaScript's `JSON.stringify` does."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def key_set(*keys: object) -> bytes:
    """Serialize a JWKS. A key is a signer or any JSON value."""
    return to_json({"keys": [key.jwk() if isinstance(key, Signer) else key for key in keys]})


def secret_signer(secret: bytes = SECRET, *, hash_name: str = "sha256") -> Signer:
    def sign(signing_input: bytes) -> bytes:
        return hmac.new(secret, signing_input, hash_name).digest()

    return Signer(
        algorithm="HS" + hash_name.removeprefix("sha"), kid=None, sign=sign, public={"kty": "oct"}
    )


@functools.cache
def signer(algorithm: str, kid: str | None = "key-1") -> Signer:
    """Return the signer for an algorithm and a key id. Each pair has its own key."""
    family = algorithm[:2]
    if family == "Ed":
        return ed25519_signer(_ed25519_key(kid), algorithm=algorithm, kid=kid)
    if family == "ES":
        return _ec_signer(algorithm, kid)
    return rsa_signer(_rsa_key(algorithm, kid), algorithm=algorithm, kid=kid)


def ed25519_signer(
    key: ed25519.Ed25519PrivateKey, *, algorithm: str = "EdDSA", kid: str | None = "key-1"
) -> Signer:
    public = {"kty": "OKP", "crv": "Ed25519", "x": b64(key.public_key().public_bytes_raw())}
    return Signer(algorithm=algorithm, kid=kid, sign=key.sign, public=public)


def rsa_signer(
    key: rsa.RSAPrivateKey, *, algorithm: str = "RS256", kid: str | None = "key-1"
) -> Signer:
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
    name, curve, size = _CURVES[algorithm]
    key = ec.generate_private_key(curve)
    numbers = key.public_key().public_numbers()
    coordinates = {"x": b64_int(numbers.x, size), "y": b64_int(numbers.y, size)}

    def sign(signing_input: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(signing_input, ec.ECDSA(_HASHES[algorithm[2:]])))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    public = {"kty": "EC", "crv": name, **coordinates}
    return Signer(algorithm=algorithm, kid=kid, sign=sign, public=public)


@functools.cache
def _rsa_key(algorithm: str, kid: str | None) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@functools.cache
def _ed25519_key(kid: str | None) -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(str(kid).encode()).digest())


def valid_claims(**changes: Any) -> dict[str, Any]:
    """Return the claims of a valid token of Better Auth, with some changed."""
    claims = {
        "iat": NOW - 60,
        "name": "Alice",
        "email": "alice@example.com",
        "sub": "user-1",
        "exp": NOW + 840,
        "iss": ISSUER,
        "aud": ISSUER,
    }
    return drop_absent({**claims, **changes})


def token(
    by: Signer | None = None,
    *,
    header: Mapping[str, Any] | bytes | None = None,
    claims: Mapping[str, Any] | bytes | None = None,
    signature: bytes | None = None,
) -> str:
    """Sign a token.

    Args:
        by: The signer. An Ed25519 key by default.
        header: Members to change or add, or the bytes of the whole header.
        claims: Claims to change or add to those of a valid token, or the bytes of the payload.
        signature: Bytes to use instead of the real signature.
    """
    by = by or signer("EdDSA")
    if not isinstance(header, bytes):
        defaults = {"alg": by.algorithm, "kid": ABSENT if by.kid is None else by.kid}
        header = to_json(drop_absent({**defaults, **(header or {})}))
    if not isinstance(claims, bytes):
        claims = to_json(valid_claims(**(claims or {})))
    signing_input = f"{b64(header)}.{b64(claims)}"
    if signature is None:
        signature = by.sign(signing_input.encode())
    return f"{signing_input}.{b64(signature)}"


def split_token(text: str) -> tuple[str, str, bytes]:
    """Return the encoded header, the encoded payload and the decoded signature of a token."""
    header, payload, signature = text.split(".")
    return header, payload, base64.urlsafe_b64decode(signature + "==")
