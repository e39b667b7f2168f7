"""Attacks with a key of the wrong type or algorithm, and with weak keys.

RFC 8725, sections 2.1, 2.2, 3.1, 3.2 and 3.5.
"""

import base64
import json
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from backend.adapters.auth.jose.jwk import UnusableKeyError, secret_key
from backend.adapters.auth.keys import SecretKeys
from backend.domain.auth import (
    InvalidAlgorithmError,
    InvalidSignatureError,
    UnknownKeyError,
)
from backend.testing.encoding import ABSENT, b64, b64_int, to_json
from backend.testing.signers import Signer, ed25519_signer, rsa_signer, signer
from tests.adapters.auth.tokens import SECRET, secret_signer, token
from tests.adapters.auth.verifiers import assert_rejected

pytestmark = pytest.mark.anyio

RSA_KEY = rsa.generate_private_key(65537, 2048)
SHORT_RSA_KEY = rsa.generate_private_key(65537, 1024)  # noqa: S505 - must be rejected
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()


def public_encodings(key: PublicKeyTypes, jwk: dict[str, Any]) -> Iterator[bytes]:
    """Yield the encodings of a public key that a verifier could mistake for a secret."""
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = key.public_bytes(serialization.Encoding.PEM, spki)
    yield from (pem, pem.strip(), b" " + pem, b"\n\t" + pem)  # white space: CVE-2026-34950
    yield pem.replace(b"\n", b"\r\n")
    yield b"".join(pem.splitlines()[1:-1])
    yield key.public_bytes(serialization.Encoding.DER, spki)
    if isinstance(key, rsa.RSAPublicKey):
        pkcs1 = serialization.PublicFormat.PKCS1  # CVE-2017-11424, CVE-2023-48223
        yield key.public_bytes(serialization.Encoding.PEM, pkcs1)
        yield key.public_bytes(serialization.Encoding.DER, pkcs1)
    if isinstance(key, ec.EllipticCurvePublicKey):
        point = serialization.PublicFormat.UncompressedPoint
        yield key.public_bytes(serialization.Encoding.X962, point)
    # CVE-2022-29217 (PyJWT), CVE-2024-33663 (python-jose), CVE-2024-37568 (Authlib).
    yield key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    yield to_json(jwk)  # CVE-2026-48526 (PyJWT)
    yield json.dumps(jwk).encode()
    yield to_json({"keys": [jwk]})
    for member in ("n", "x", "y", "e"):
        if member in jwk:
            yield jwk[member].encode()
            yield base64.urlsafe_b64decode(jwk[member] + "==")


def public_keys() -> Iterator[tuple[Signer, PublicKeyTypes]]:
    yield rsa_signer(RSA_KEY), RSA_KEY.public_key()
    numbers = EC_KEY.public_key().public_numbers()
    coordinates = {"x": b64_int(numbers.x, 32), "y": b64_int(numbers.y, 32)}
    public = {"kty": "EC", "crv": "P-256", **coordinates}
    yield (
        Signer(algorithm="ES256", kid="key-1", sign=lambda _: b"", public=public),
        EC_KEY.public_key(),
    )
    yield ed25519_signer(ED_KEY), ED_KEY.public_key()


@pytest.mark.parametrize("alg_is_published", [True, False])
async def test_rejects_hmac_tokens_signed_with_a_public_key(*, alg_is_published: bool) -> None:
    # CVE-2015-9235, CVE-2016-10555; for keys without alg CVE-2026-22817, CVE-2026-22818 (Hono).
    for pair, public_key in public_keys():
        jwk = pair.jwk() if alg_is_published else pair.jwk(alg=ABSENT)
        for secret in public_encodings(public_key, pair.jwk()):
            for name in ("sha256", "sha384", "sha512"):
                attacker = secret_signer(secret, hash_name=name)
                forged = token(attacker, header={"kid": "key-1"})
                await assert_rejected(InvalidAlgorithmError, forged, jwk)
                expected = InvalidSignatureError if name == "sha256" else InvalidAlgorithmError
                await assert_rejected(expected, forged, jwk, secrets=[SECRET])
            disguised = token(secret_signer(secret), header={"alg": pair.algorithm, "kid": "key-1"})
            await assert_rejected(InvalidSignatureError, disguised, jwk, secrets=[SECRET])


async def test_rejects_a_public_key_configured_as_secret() -> None:
    for pair, public_key in public_keys():
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        for secret in (
            public_key.public_bytes(serialization.Encoding.PEM, spki),
            b"\n " + public_key.public_bytes(serialization.Encoding.PEM, spki),
            public_key.public_bytes(serialization.Encoding.DER, spki),
            public_key.public_bytes(
                serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
            ),
            to_json(pair.jwk()),
            to_json({"keys": [pair.jwk()]}),
        ):
            with pytest.raises(UnusableKeyError):
                SecretKeys([secret])


async def test_ignores_symmetric_keys_in_the_key_set() -> None:
    # Everyone who can read the key set could sign tokens with the key.
    published = {"kty": "oct", "kid": "oct", "alg": "HS256", "k": b64(SECRET)}
    forged = token(secret_signer(), header={"kid": "oct"})
    await assert_rejected(InvalidAlgorithmError, forged, signer("EdDSA"), published)
    await assert_rejected(
        InvalidSignatureError, forged, signer("EdDSA"), published, secrets=[b"x" * 32]
    )


async def test_rejects_an_rsa_signature_by_another_algorithm_than_alg() -> None:
    # CVE-2026-48523 (PyJWT): the key chose the algorithm, not `alg`.
    for alg, actual in permutations(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), 2):
        forged = token(rsa_signer(RSA_KEY, algorithm=actual), header={"alg": alg})
        published = rsa_signer(RSA_KEY, algorithm=actual).jwk()
        await assert_rejected(InvalidAlgorithmError, forged, published)
        for jwk in ({**published, "alg": alg}, rsa_signer(RSA_KEY).jwk(alg=ABSENT)):
            await assert_rejected(InvalidSignatureError, forged, jwk)


async def test_rejects_an_alg_that_does_not_fit_the_curve_of_the_key() -> None:
    # RFC 7518, section 3.4.
    for alg in ("ES384", "ES512", "ES256K", "EdDSA", "RS256", "PS256"):
        forged = token(signer("ES256"), header={"alg": alg})
        await assert_rejected(InvalidAlgorithmError, forged, signer("ES256"))
        await assert_rejected(InvalidAlgorithmError, forged, signer("ES256").jwk(alg=ABSENT))


async def test_rejects_short_secrets() -> None:
    for secret in (b"", b"secret", b"changeme", b"x" * 31):
        with pytest.raises(UnusableKeyError):
            secret_key(secret)


async def test_ignores_short_rsa_keys() -> None:
    short = rsa_signer(SHORT_RSA_KEY, kid="short")
    await assert_rejected(UnknownKeyError, token(short), signer("EdDSA"), short)
