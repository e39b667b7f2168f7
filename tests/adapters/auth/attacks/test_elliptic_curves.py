"""Attacks on elliptic curve keys and signatures. RFC 8725, sections 2.5 and 3.4."""

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from backend.adapters.auth.jose.jwk import UnusableKeyError, public_key
from backend.domain.auth import (
    InvalidSignatureError,
    UnknownKeyError,
)
from backend.testing.encoding import b64
from backend.testing.signers import signer
from tests.adapters.auth import edwards
from tests.adapters.auth.tokens import split_token, token
from tests.adapters.auth.verifiers import assert_rejected, verifier

pytestmark = pytest.mark.anyio

P256_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
# For each algorithm: the order of the curve, and the length of r and s in bytes.
CURVE_ORDERS = {
    "ES256": (P256_N, 32),
    "ES384": (int("f" * 48 + "c7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16), 48),
    "ES512": (
        int(
            "1" + "f" * 64 + "fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
            16,
        ),
        66,
    ),
}


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512"])
async def test_rejects_ecdsa_signatures_with_boundary_values(algorithm: str) -> None:
    # CVE-2022-21449: r and s must be in [1, n - 1], so zero is not allowed.
    n, size = CURVE_ORDERS[algorithm]
    key = signer(algorithm)
    _, _, valid = split_token(token(key))
    r, s = int.from_bytes(valid[:size], "big"), int.from_bytes(valid[size:], "big")
    maximum = 2 ** (8 * size) - 1
    edges = (0, 1, n - 1, n, n + 1, maximum)
    for pair in [(a, b) for a in edges for b in edges] + [(r, 0), (0, s), (r, n), (n, s), (s, r)]:
        raw = b"".join(number.to_bytes(size, "big") for number in pair)
        await assert_rejected(InvalidSignatureError, token(key, signature=raw), key)


async def test_rejects_ecdsa_signatures_with_numbers_above_the_order() -> None:
    # r + n and s + n are congruent to r and s. Accepting them would make signatures malleable.
    key = signer("ES512")
    n, size = CURVE_ORDERS["ES512"]
    header, payload, valid = split_token(token(key))
    r, s = int.from_bytes(valid[:size], "big"), int.from_bytes(valid[size:], "big")
    await verifier(key).verify(f"{header}.{payload}.{b64(valid)}")
    for pair in ((r + n, s), (r, s + n), (r + n, s + n)):
        raw = b"".join(number.to_bytes(size, "big") for number in pair)
        await assert_rejected(InvalidSignatureError, f"{header}.{payload}.{b64(raw)}", key)


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512"])
async def test_rejects_ecdsa_signatures_in_other_encodings(algorithm: str) -> None:
    # RFC 7518, section 3.4: r and s are concatenated, each as long as the curve order. Not DER.
    _, size = CURVE_ORDERS[algorithm]
    key = signer(algorithm)
    header, payload, valid = split_token(token(key))
    r, s = int.from_bytes(valid[:size], "big"), int.from_bytes(valid[size:], "big")
    encodings = (
        encode_dss_signature(r, s),
        b"\x00" + valid,
        valid[:size] + b"\x00" + valid[size:],  # the same r and s
        valid + b"\x00",
        b"\x00" + valid[:size] + b"\x00" + valid[size:],
        r.to_bytes(size + 8, "big") + s.to_bytes(size + 8, "big"),
        valid[size:] + valid[:size],
        valid + valid,
    )
    for encoding in encodings:
        await assert_rejected(InvalidSignatureError, f"{header}.{payload}.{b64(encoding)}", key)


async def test_rejects_a_public_key_that_is_not_on_its_curve() -> None:
    # CVE-2015-7940 (the invalid curve attack); RFC 8725, section 3.4.
    jwk = signer("ES256").jwk()
    with pytest.raises(UnusableKeyError):
        public_key({**jwk, "y": signer("ES256", "another").jwk()["y"]})


async def test_rejects_ed25519_signatures_with_s_above_the_order() -> None:
    # RFC 8032, section 5.1.7: S + L also satisfies the equation: a malleable signature.
    header, payload, valid = split_token(token())
    s = int.from_bytes(valid[32:], "little")
    for factor in range(1, 16):
        if s + factor * edwards.L < 2**256:
            other = valid[:32] + (s + factor * edwards.L).to_bytes(32, "little")
            await assert_rejected(InvalidSignatureError, f"{header}.{payload}.{b64(other)}")


async def test_ignores_ed25519_keys_of_small_order() -> None:
    # If R and the key have small order and S = 0, one signature verifies for many messages.
    points = sorted({encoding for _, y in edwards.torsion() for encoding in edwards.encodings(y)})
    weak = [signer("EdDSA").jwk(kid=f"weak-{n}", x=b64(x)) for n, x in enumerate(points)]
    token_verifier = verifier(signer("EdDSA"), *weak)
    for n in range(len(points)):
        for r in points[::3]:
            forged = token(header={"kid": f"weak-{n}"}, signature=r + bytes(32))
            with pytest.raises(UnknownKeyError):
                await token_verifier.verify(forged)
