"""The verifiers of other libraries, written as their documentation shows, with a prepared key."""

import hmac
import warnings
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from jose import jwt as jose_jwt
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt

from backend.adapters.auth.jose.jws import decode_base64url
from backend.testing.signers import Signer
from benchmarks.harness.tokens import ORIGIN, SECRET

with warnings.catch_warnings(record=True):  # Authlib warns about its successor at import
    from authlib.jose import JsonWebKey, JsonWebToken

Verify = Callable[[str], object]

_HASHES = {"256": hashes.SHA256(), "512": hashes.SHA512()}


def floor(signer: Signer, token: str) -> Callable[[], object]:
    """Return the signature check alone, without parsing or checking claims."""
    signing_input, _, encoded = token.rpartition(".")
    data, signature = signing_input.encode(), decode_base64url(encoded.encode())
    if signer.algorithm == "HS256":
        secret = SECRET.encode()
        return lambda: hmac.compare_digest(hmac.digest(secret, data, "sha256"), signature)
    key: Any = jwt.PyJWK(signer.jwk(), signer.algorithm).key
    if signer.algorithm == "EdDSA":
        return _without_error(lambda: key.verify(signature, data))
    digest = _HASHES[signer.algorithm[2:]]
    if signer.algorithm.startswith("ES"):
        half = len(signature) // 2
        r, s = (int.from_bytes(part) for part in (signature[:half], signature[half:]))
        der, scheme = encode_dss_signature(r, s), ec.ECDSA(digest)
        return _without_error(lambda: key.verify(der, data, scheme))
    pad: Any = padding.PKCS1v15()
    if signer.algorithm.startswith("PS"):
        pad = padding.PSS(padding.MGF1(digest), salt_length=digest.digest_size)
    return _without_error(lambda: key.verify(signature, data, pad, digest))


def _without_error(verify: Callable[[], object]) -> Callable[[], object]:
    def verify_without_error() -> bool:
        try:
            verify()
        except InvalidSignature:
            return False
        return True

    return verify_without_error


def pyjwt(signer: Signer) -> Verify:
    key: Any = SECRET.encode() if signer.algorithm == "HS256" else jwt.PyJWK(signer.jwk()).key
    algorithms = [signer.algorithm]
    return lambda token: jwt.decode(
        token, key, algorithms=algorithms, audience=ORIGIN, issuer=ORIGIN
    )


def pyjwt_with_client(signer: Signer) -> Verify | None:
    if signer.algorithm == "HS256":
        return None
    client = LocalClient({"keys": [signer.jwk(use="sig")]})
    algorithms = [signer.algorithm]
    return lambda token: jwt.decode(
        token,
        client.get_signing_key_from_jwt(token),
        algorithms=algorithms,
        audience=ORIGIN,
        issuer=ORIGIN,
    )


class LocalClient(jwt.PyJWKClient):
    """PyJWT's JWKS client with a key set in memory instead of a network."""

    def __init__(self, key_set: dict[str, Any]) -> None:
        super().__init__("http://127.0.0.1/jwks", cache_keys=True, lifespan=86_400)
        self._key_set = key_set

    def fetch_data(self) -> dict[str, Any]:
        assert self.jwk_set_cache is not None
        self.jwk_set_cache.put(self._key_set)
        return self._key_set


def joserfc(signer: Signer) -> Verify:
    key: Any = (
        joserfc_jwk.OctKey.import_key(SECRET)
        if signer.algorithm == "HS256"
        else joserfc_jwk.import_key(signer.jwk())
    )
    essential = {"essential": True}
    registry = joserfc_jwt.JWTClaimsRegistry(
        exp=essential, iss={**essential, "value": ORIGIN}, aud={**essential, "value": ORIGIN}
    )
    algorithms = [signer.algorithm]

    def verify(token: str) -> object:
        claims = joserfc_jwt.decode(token, key, algorithms=algorithms).claims
        registry.validate(claims)
        return claims

    return verify


def authlib(signer: Signer) -> Verify:
    key: Any = SECRET if signer.algorithm == "HS256" else JsonWebKey.import_key(signer.jwk())
    decoder = JsonWebToken([signer.algorithm])
    essential = {"essential": True}
    options = {
        "exp": essential,
        "iss": {**essential, "value": ORIGIN},
        "aud": {**essential, "value": ORIGIN},
    }

    def verify(token: str) -> object:
        claims = decoder.decode(token, key, claims_options=options)
        claims.validate()
        return claims

    return verify


def python_jose(signer: Signer) -> Verify | None:
    if signer.algorithm not in {"HS256", "RS256", "ES256", "ES512"}:
        return None
    key: Any = SECRET if signer.algorithm == "HS256" else signer.jwk()
    algorithms = [signer.algorithm]
    return lambda token: jose_jwt.decode(
        token, key, algorithms=algorithms, audience=ORIGIN, issuer=ORIGIN
    )


PEERS: dict[str, Callable[[Signer], Verify | None]] = {
    "PyJWT, prepared key": pyjwt,
    "PyJWT + PyJWKClient": pyjwt_with_client,
    "joserfc": joserfc,
    "Authlib": authlib,
    "python-jose": python_jose,
}
