"""Verifiers to compare with: each as its own documentation shows it, its key prepared once."""

import hmac
from collections.abc import Callable
from typing import Any

import jwt
from authlib.jose import JsonWebKey, JsonWebToken
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from jose import jwt as jose_jwt
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt

from backend.adapters.auth.jose.jws import decode_base64url
from benchmarks.harness.tokens import ORIGIN, SECRET
from tests.adapters.auth.tokens import Signer

Verify = Callable[[str], object]

_HASHES = {"256": hashes.SHA256(), "512": hashes.SHA512()}


def floor(by: Signer, token: str) -> Callable[[], object]:
    """Return the signature's check alone: nothing is read, decoded or judged."""
    signing_input, _, encoded = token.rpartition(".")
    data, signature = signing_input.encode(), decode_base64url(encoded.encode())
    if by.algorithm == "HS256":
        secret = SECRET.encode()
        return lambda: hmac.compare_digest(hmac.digest(secret, data, "sha256"), signature)
    key: Any = jwt.PyJWK(by.jwk(), by.algorithm).key
    if by.algorithm == "EdDSA":
        return _quiet(lambda: key.verify(signature, data))
    digest = _HASHES[by.algorithm[2:]]
    if by.algorithm.startswith("ES"):
        half = len(signature) // 2
        r, s = (int.from_bytes(part) for part in (signature[:half], signature[half:]))
        der, scheme = encode_dss_signature(r, s), ec.ECDSA(digest)
        return _quiet(lambda: key.verify(der, data, scheme))
    pad: Any = padding.PKCS1v15()
    if by.algorithm.startswith("PS"):
        pad = padding.PSS(padding.MGF1(digest), salt_length=digest.digest_size)
    return _quiet(lambda: key.verify(signature, data, pad, digest))


def _quiet(verify: Callable[[], object]) -> Callable[[], object]:
    def verify_quietly() -> bool:
        try:
            verify()
        except InvalidSignature:
            return False
        return True

    return verify_quietly


def pyjwt(by: Signer) -> Verify:
    key: Any = SECRET.encode() if by.algorithm == "HS256" else jwt.PyJWK(by.jwk()).key
    algorithms = [by.algorithm]
    return lambda token: jwt.decode(
        token, key, algorithms=algorithms, audience=ORIGIN, issuer=ORIGIN
    )


def pyjwt_with_client(by: Signer) -> Verify | None:
    if by.algorithm == "HS256":
        return None
    client = LocalClient({"keys": [by.jwk(use="sig")]})
    algorithms = [by.algorithm]
    return lambda token: jwt.decode(
        token,
        client.get_signing_key_from_jwt(token),
        algorithms=algorithms,
        audience=ORIGIN,
        issuer=ORIGIN,
    )


class LocalClient(jwt.PyJWKClient):
    """PyJWT's client of a key set, which has just been fetched whenever it is asked for."""

    def __init__(self, key_set: dict[str, Any]) -> None:
        super().__init__("http://127.0.0.1/jwks", cache_keys=True, lifespan=86_400)
        self._key_set = key_set

    def fetch_data(self) -> dict[str, Any]:
        assert self.jwk_set_cache is not None
        self.jwk_set_cache.put(self._key_set)
        return self._key_set


def joserfc(by: Signer) -> Verify:
    key: Any = (
        joserfc_jwk.OctKey.import_key(SECRET)
        if by.algorithm == "HS256"
        else joserfc_jwk.import_key(by.jwk())
    )
    essential = {"essential": True}
    registry = joserfc_jwt.JWTClaimsRegistry(
        exp=essential, iss={**essential, "value": ORIGIN}, aud={**essential, "value": ORIGIN}
    )
    algorithms = [by.algorithm]

    def verify(token: str) -> object:
        claims = joserfc_jwt.decode(token, key, algorithms=algorithms).claims
        registry.validate(claims)
        return claims

    return verify


def authlib(by: Signer) -> Verify:
    key: Any = SECRET if by.algorithm == "HS256" else JsonWebKey.import_key(by.jwk())
    decoder = JsonWebToken([by.algorithm])
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


def python_jose(by: Signer) -> Verify | None:
    if by.algorithm not in {"HS256", "RS256", "ES256", "ES512"}:
        return None
    key: Any = SECRET if by.algorithm == "HS256" else by.jwk()
    algorithms = [by.algorithm]
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
