"""Attacks on signatures: missing, constant, and partly correct signatures.

RFC 8725, sections 2.1 and 3.1.
"""

import pytest

from backend.domain.auth import (
    InvalidAlgorithmError,
    InvalidSignatureError,
    MalformedTokenError,
)
from backend.testing.encoding import ABSENT, b64
from backend.testing.signers import Signer, signer
from tests.adapters.auth.tokens import SECRET, secret_signer, split_token, token
from tests.adapters.auth.verifiers import assert_rejected

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "NoNe", "none ", "", None, ABSENT])
async def test_rejects_unsigned_tokens(alg: object) -> None:
    # For example CVE-2026-28802 (Authlib): a token with an empty signature was accepted.
    unsigned = Signer(algorithm="none", kid="key-1", sign=lambda _: b"", public={})
    await assert_rejected(MalformedTokenError, token(unsigned, header={"alg": alg}))
    await assert_rejected(
        InvalidAlgorithmError, token(unsigned, header={"alg": alg}, signature=b"x")
    )
    await assert_rejected(InvalidAlgorithmError, token(header={"alg": alg}))


async def test_rejects_missing_and_truncated_signatures() -> None:
    header, payload, signature = split_token(token())
    for ending in ("", ".", f".{b64(b'')}"):
        await assert_rejected(MalformedTokenError, f"{header}.{payload}{ending}")
    for cut in (signature[:-1], signature[:32], signature[1:], signature[:1], signature + b"\x00"):
        await assert_rejected(InvalidSignatureError, f"{header}.{payload}.{b64(cut)}")


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "ES512", "RS256", "PS256"])
async def test_rejects_constant_signatures_of_any_length(algorithm: str) -> None:
    # CVE-2022-21449 (psychic signatures): a signature of zeros was accepted.
    key = signer(algorithm)
    _, _, valid = split_token(token(key))
    for size in {1, 2, 31, 32, 63, 64, 65, 96, 132, 255, 256, 257, len(valid), 2 * len(valid)}:
        for byte in (b"\x00", b"\x01", b"\xff"):
            await assert_rejected(InvalidSignatureError, token(key, signature=byte * size), key)


async def test_rejects_partially_correct_signatures() -> None:
    header, payload, valid = split_token(token(secret_signer()))
    for size in range(1, 32):
        for guess in (valid[:size], valid[:size] + bytes((valid[size] ^ 1,)) + valid[size + 1 :]):
            text = f"{header}.{payload}.{b64(guess)}"
            await assert_rejected(InvalidSignatureError, text, secrets=[SECRET])
