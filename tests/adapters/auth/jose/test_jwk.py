"""A key is validated before use, and verifies only the algorithms that fit it."""

from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from backend.adapters.auth.jose.jwk import (
    ALGORITHMS_BY_KEY_TYPE,
    ASYMMETRIC_ALGORITHMS,
    UnusableKeyError,
    VerificationKey,
    public_key,
    secret_key,
)
from backend.testing.encoding import ABSENT, b64, b64_int, to_json
from backend.testing.signers import rsa_signer, signer
from tests.adapters.auth import edwards
from tests.adapters.auth.tokens import SECRET, secret_signer
from tests.ids import text_without_addresses

ROCA_PRIMES = (11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157)


@pytest.mark.parametrize("algorithm", ASYMMETRIC_ALGORITHMS)
def test_a_key_verifies_its_signatures(algorithm: str) -> None:
    by = signer(algorithm)
    key = public_key(by.jwk())
    assert key.kid == "key-1"
    assert key.algorithms == (algorithm,)
    assert key.verify(algorithm, b"message", by.sign(b"message"))
    assert not key.verify(algorithm, b"another message", by.sign(b"message"))


@pytest.mark.parametrize("algorithm", ASYMMETRIC_ALGORITHMS)
def test_a_key_verifies_only_its_own_algorithm(algorithm: str) -> None:
    by = signer(algorithm)
    key = public_key(by.jwk())
    for other in {*ASYMMETRIC_ALGORITHMS, "HS256", "none", ""} - {algorithm}:
        assert not key.verify(other, b"message", by.sign(b"message"))


@pytest.mark.parametrize("algorithm", ASYMMETRIC_ALGORITHMS)
def test_a_key_without_alg_verifies_the_algorithms_of_its_type_and_curve(algorithm: str) -> None:
    # Better Auth up to 1.2 omits `alg`.
    by = signer(algorithm)
    key = public_key(by.jwk(alg=ABSENT))
    assert algorithm in key.algorithms
    assert key.algorithms in ALGORITHMS_BY_KEY_TYPE.values()
    assert key.verify(algorithm, b"message", by.sign(b"message"))


@pytest.mark.parametrize(
    "changes",
    [
        {"use": "sig"},
        {"key_ops": ["verify"]},
        {"alg": None},
        {"use": None},
        {"key_ops": []},
        {"key_ops": None},
        {"x5t": "unknown members are ignored", "expiresAt": 1},
        {"kid": "k" * 256},
    ],
)
def test_accepts_a_valid_key(changes: dict[str, Any]) -> None:
    assert public_key(signer("EdDSA").jwk(**changes)).kid


@pytest.mark.parametrize("kid", [ABSENT, None])
def test_a_key_may_have_no_id(kid: object) -> None:
    assert public_key(signer("EdDSA").jwk(kid=kid)).kid is None


@pytest.mark.parametrize("jwk", [None, True, 1, "key", [], [["kty", "OKP"]], {}])
def test_rejects_a_value_that_is_not_a_key(jwk: object) -> None:
    with pytest.raises(UnusableKeyError):
        public_key(jwk)


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "RS256"])
@pytest.mark.parametrize(
    "changes",
    [
        {"kty": ABSENT},
        {"kty": "oct"},
        {"kty": "AKP"},
        {"kty": "rsa"},
        {"kty": ["RSA"]},
        {"kty": None},
        {"crv": {"P-256": 1}},
        {"crv": 25519},
        {"alg": "none"},
        {"alg": "None"},
        {"alg": "HS256"},
        {"alg": "RSA-OAEP"},
        {"alg": "ECDH-ES"},
        {"alg": "ES256K"},
        {"alg": ""},
        {"alg": ["EdDSA", "ES256", "RS256"]},
        {"alg": {"EdDSA": True}},
        {"alg": 1},
        {"kid": ""},
        {"kid": 1},
        {"kid": ["key-1"]},
        {"kid": "k" * 257},
        {"kid": "key\n1"},
        {"kid": "\x1b[2J"},  # operators see the kid in a terminal
        {"use": "enc"},
        {"use": ["sig"]},
        {"use": "SIG"},
        {"key_ops": "verify"},
        {"key_ops": {"verify": True}},
        {"key_ops": ["sign"]},
        {"key_ops": ["encrypt", "wrapKey"]},
        {"d": "AAAA"},  # a private key
        {"k": "AAAA"},  # a symmetric key
        {"p": "AAAA"},
        {"oth": []},
    ],
    ids=text_without_addresses,
)
def test_rejects_a_key_with_an_invalid_member(algorithm: str, changes: dict[str, Any]) -> None:
    with pytest.raises(UnusableKeyError):
        public_key(signer(algorithm).jwk(**changes))


@pytest.mark.parametrize(
    ("algorithm", "member"),
    [("EdDSA", "x"), ("ES256", "x"), ("ES256", "y"), ("RS256", "n"), ("RS256", "e")],
)
def test_rejects_numbers_that_are_not_canonical_base64url(algorithm: str, member: str) -> None:
    good = signer(algorithm).jwk()
    for value in (
        ABSENT,
        None,
        "",
        1,
        ["AQAB"],
        good[member] + "=" * (-len(good[member]) % 4 + 1),
        good[member] + "=" * (-len(good[member]) % 4 + 4),
        "\n" + good[member],
        "*" + good[member][1:],
        "\ud800" + good[member][1:],
        good[member] + "A" * (4 - len(good[member]) % 4 + 1),
    ):
        with pytest.raises(UnusableKeyError):
            public_key(signer(algorithm).jwk(**{member: value}))


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512"])
def test_rejects_an_elliptic_curve_key_that_is_not_on_its_curve(algorithm: str) -> None:
    jwk = signer(algorithm).jwk()
    size = {"ES256": 32, "ES384": 48, "ES512": 66}[algorithm]
    off = signer(algorithm, "another").jwk()["y"]
    for x, y in (
        (jwk["x"], off),
        (b64(bytes(size)), b64(bytes(size))),
        (b64(b"\xff" * size), jwk["y"]),
        (jwk["y"], jwk["x"]),
    ):
        with pytest.raises(UnusableKeyError):
            public_key({**jwk, "x": x, "y": y})


@pytest.mark.parametrize("size", [31, 33, 64, 1, 20_000])
def test_rejects_coordinates_of_the_wrong_length(size: int) -> None:
    for algorithm, member in (("EdDSA", "x"), ("ES256", "x"), ("ES256", "y")):
        with pytest.raises(UnusableKeyError):
            public_key(signer(algorithm).jwk(**{member: b64(b"\x01" * size)}))


@pytest.mark.parametrize(
    ("algorithm", "curve"),
    [
        ("ES256", "P-384"),
        ("ES256", "P-521"),
        ("ES256", "secp256k1"),
        ("ES256", "Ed25519"),
        ("ES256", None),
        ("ES256", ""),
        ("EdDSA", "X25519"),
        ("EdDSA", "Ed448"),
        ("EdDSA", "P-256"),
        ("EdDSA", "ed25519"),
    ],
)
def test_rejects_a_key_on_another_curve(algorithm: str, curve: str | None) -> None:
    for alg in (algorithm, ABSENT):
        with pytest.raises(UnusableKeyError):
            public_key(signer(algorithm).jwk(crv=curve, alg=alg))


@pytest.mark.parametrize("bits", [1024, 1536, 2040])
def test_rejects_a_short_rsa_key(bits: int) -> None:
    # RFC 7518, section 3.3: 2048 bits or larger.
    with pytest.raises(UnusableKeyError, match=f"{bits} bits"):
        public_key(rsa_signer(rsa.generate_private_key(65537, bits)).jwk())


@pytest.mark.parametrize("bits", [8200, 16_384, 400_000])
def test_rejects_an_rsa_key_that_makes_verification_slow(bits: int) -> None:
    with pytest.raises(UnusableKeyError):
        public_key(signer("RS256").jwk(n=b64_int(2**bits - 1)))


@pytest.mark.parametrize(
    "exponent",
    [0, 1, 2, 4, 65536, 2**64 + 1, 2**2047 + 1, 2**400_000 + 1],
    ids=lambda e: hex(e)[:12],
)
def test_rejects_an_rsa_key_with_a_weak_or_slow_exponent(exponent: int) -> None:
    with pytest.raises(UnusableKeyError):
        public_key(signer("RS256").jwk(e=b64_int(exponent)))


def test_rejects_an_rsa_key_whose_primes_can_be_guessed() -> None:
    # CVE-2017-15361 (ROCA): modulo each of these small primes, n is a power of 65537.
    fingerprint, product = 0, 1
    for prime in ROCA_PRIMES:
        residue = pow(65537, prime % 7, prime)
        fingerprint += product * ((residue - fingerprint) * pow(product, -1, prime) % prime)
        product *= prime
    n = fingerprint + product * (2**2047 // product + 1)
    n += product if n % 2 == 0 else 0
    assert n.bit_length() == 2048
    with pytest.raises(UnusableKeyError, match="guessed"):
        public_key(signer("RS256").jwk(n=b64_int(n)))


def test_rejects_every_ed25519_key_of_small_order() -> None:
    # A signature of a key of small order is valid for many messages, or for all.
    points = edwards.torsion()
    assert all(edwards.multiply(8, point) == edwards.IDENTITY for point in points)
    encodings = {encoding for _, y in points for encoding in edwards.encodings(y)}
    assert len(encodings) == 14
    for encoding in encodings:
        with pytest.raises(UnusableKeyError, match=r"small order|non-canonical"):
            public_key(signer("EdDSA").jwk(x=b64(encoding)))


def test_rejects_a_non_canonical_ed25519_key() -> None:
    # RFC 8032, section 5.1.3: y is less than p.
    for y in range(19):
        for encoding in edwards.encodings(y)[2:]:
            with pytest.raises(UnusableKeyError, match="non-canonical"):
                public_key(signer("EdDSA").jwk(x=b64(encoding)))


def test_rejects_an_ed25519_key_that_is_not_on_the_curve() -> None:
    off = [y for y in range(2, 40) if edwards.x_of(y) is None]
    assert off
    for y in off:
        with pytest.raises(UnusableKeyError, match="not on the curve"):
            public_key(signer("EdDSA").jwk(x=b64(y.to_bytes(32, "little"))))


def test_accepts_every_ed25519_key_that_is_on_the_curve() -> None:
    for y in (y for y in range(2, 40) if edwards.x_of(y) is not None):
        assert public_key(signer("EdDSA").jwk(x=b64(y.to_bytes(32, "little")))).kid == "key-1"


def test_a_secret_verifies_only_its_hs256_signatures() -> None:
    key = secret_key(SECRET)
    signature = secret_signer().sign(b"message")
    assert key.kid is None
    assert key.verify("HS256", b"message", signature)
    assert not key.verify("HS256", b"message", signature[:-1])
    assert not key.verify("HS256", b"message", b"")
    for other in (*ASYMMETRIC_ALGORITHMS, "HS384", "HS512", "none"):
        assert not key.verify(other, b"message", signature)


@pytest.mark.parametrize("secret", [b"", b"secret", b"x" * 31])
def test_rejects_a_short_secret(secret: bytes) -> None:
    # RFC 7518, section 3.2; RFC 8725, section 3.5.
    with pytest.raises(UnusableKeyError, match="less than 32 bytes"):
        secret_key(secret)


def test_rejects_a_public_key_as_a_secret() -> None:
    public = rsa.generate_private_key(65537, 2048).public_key()
    for encoding, form in (
        (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
        (serialization.Encoding.PEM, serialization.PublicFormat.PKCS1),
        (serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH),
    ):
        with pytest.raises(UnusableKeyError):
            secret_key(public.public_bytes(encoding, form))
    with pytest.raises(UnusableKeyError):
        secret_key(to_json(signer("RS256").jwk()))


def test_repr_shows_no_key() -> None:
    for key in (secret_key(SECRET), public_key(signer("EdDSA").jwk())):
        assert "secret" not in repr(key)
        assert "material" not in repr(key)


def test_error_messages_do_not_quote_the_key() -> None:
    jwk = signer("RS256").jwk(d="private-exponent", kid="key-of-mallory")
    for changes in ({}, {"d": ABSENT, "n": "not*base64"}, {"d": ABSENT, "n": "AAAA"}):
        with pytest.raises(UnusableKeyError) as caught:
            public_key(
                {name: value for name, value in {**jwk, **changes}.items() if value is not ABSENT}
            )
        message = str(caught.value)
        assert not any(str(value) in message for name, value in jwk.items() if name != "kty")
        assert caught.value.__cause__ is None


def test_reading_the_same_key_twice_gives_equal_keys() -> None:
    def read(**changes: Any) -> VerificationKey:
        return public_key(signer("ES256").jwk(**changes))

    assert read() == read()
    assert read() != read(alg=ABSENT, kid="key-2")
    assert read() != public_key(signer("ES256", "another").jwk(kid="key-1"))
