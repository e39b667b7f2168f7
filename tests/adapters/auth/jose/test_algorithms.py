"""The fast algorithms give the same results as PyJWT's."""

from typing import Any, Final

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt import PyJWK
from jwt.algorithms import Algorithm, get_default_algorithms
from jwt.exceptions import InvalidKeyError

from backend.adapters.auth.jose.algorithms import prepare
from backend.testing.signers import Signer, rsa_signer, signer
from tests.adapters.auth.tokens import secret_signer

MESSAGE: Final = b"header.payload"
ALGORITHMS: Final = [
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512"),
]

all_algorithms = pytest.mark.parametrize("name", ALGORITHMS)


def both(name: str) -> tuple[Algorithm, Algorithm]:
    original = get_default_algorithms()[name]
    fast = prepare(original)
    assert type(fast).verify is not type(original).verify
    return original, fast


def key_of(by: Signer) -> Any:
    return PyJWK(by.jwk()).key


def signer_and_key(name: str, kid: str = "key-1") -> tuple[Signer, Any]:
    """Return a signer, and the key with which PyJWT's algorithms verify its signatures."""
    if name.startswith("HS"):
        secret = kid.encode() * 8
        return secret_signer(secret, hash_name=f"sha{name[2:]}"), secret
    by = signer(name, kid)
    return by, key_of(by)


@all_algorithms
def test_accepts_the_signature_of_the_key_over_the_message(name: str) -> None:
    _, fast = both(name)
    (by, key), (_, another) = signer_and_key(name), signer_and_key(name, "another")
    signature = by.sign(MESSAGE)
    assert fast.verify(MESSAGE, key, signature)
    assert not fast.verify(MESSAGE + b" ", key, signature)
    assert not fast.verify(MESSAGE, another, signature)


@pytest.mark.parametrize("name", ["ES256", "ES384", "ES512"])
def test_accepts_ecdsa_signatures_with_and_without_leading_zeros(name: str) -> None:
    # DER omits leading zeros, and adds a zero before a number with its highest bit set.
    original, fast = both(name)
    key, unseen = key_of(signer(name)), {(short, high) for short in (0, 1) for high in (0, 1)}
    if name == "ES512":
        unseen.remove((0, 1))  # 521 bits fill the first of 66 bytes only partly
    while unseen:
        signature = signer(name).sign(MESSAGE)
        half = len(signature) // 2
        for number in (signature[:half], signature[half:]):
            significant = number.lstrip(b"\x00")
            unseen.discard((int(len(significant) < half), significant[0] >> 7))
        assert (
            fast.verify(MESSAGE, key, signature) is original.verify(MESSAGE, key, signature) is True
        )


@pytest.mark.parametrize("name", ["ES256", "ES384", "ES512"])
def test_rejects_ecdsa_numbers_that_are_out_of_range(name: str) -> None:
    key, genuine = key_of(signer(name)), signer(name).sign(MESSAGE)
    half = len(genuine) // 2
    halves = [genuine[:half], genuine[half:]]
    for odd in (b"\x00" * half, b"\x00" * (half - 1) + b"\x01", b"\x80" * half, b"\xff" * half):
        for numbers in ([odd, odd], [odd, halves[1]], [halves[0], odd]):
            for algorithm in both(name):
                assert algorithm.verify(MESSAGE, key, b"".join(numbers)) is False


@all_algorithms
@given(data=st.data())
def test_agrees_with_pyjwt_about_any_other_signature(name: str, data: st.DataObject) -> None:
    original, fast = both(name)
    by, key = signer_and_key(name)
    genuine = by.sign(MESSAGE)
    length = len(genuine)
    signature = data.draw(
        st.just(genuine)
        | st.binary(max_size=length + 2)
        | st.binary(min_size=length, max_size=length)
        | st.integers(0, length).map(lambda end: genuine[:end])
        | st.integers(0, length - 1).map(
            lambda at: genuine[:at] + bytes([genuine[at] ^ 1]) + genuine[at + 1 :]
        )
    )
    expected = original.verify(MESSAGE, key, signature)
    assert fast.verify(MESSAGE, key, signature) is expected
    assert expected is (signature == genuine)


@pytest.mark.parametrize("name", ["RS256", "PS256"])
def test_rejects_another_padding_salt_or_hash(name: str) -> None:
    key = rsa.generate_private_key(65537, 2048)
    public = key_of(rsa_signer(key, algorithm=name))
    sha256, sha512 = hashes.SHA256(), hashes.SHA512()
    wrong: list[tuple[padding.AsymmetricPadding, hashes.HashAlgorithm]] = [
        (padding.PKCS1v15(), sha512),
        (padding.PSS(padding.MGF1(sha512), 32), sha256),
        (padding.PSS(padding.MGF1(sha256), 32), sha512),
        *((padding.PSS(padding.MGF1(sha256), size), sha256) for size in (0, 20, 31, 33)),
        (padding.PSS(padding.MGF1(sha256), 32) if name == "RS256" else padding.PKCS1v15(), sha256),
    ]
    for algorithm in both(name):
        for pad, digest in wrong:
            assert not algorithm.verify(MESSAGE, public, key.sign(MESSAGE, pad, digest))


@pytest.mark.parametrize("name", ["ES256", "ES384", "ES512"])
def test_rejects_the_same_ecdsa_numbers_in_another_length(name: str) -> None:
    key, genuine = key_of(signer(name)), signer(name).sign(MESSAGE)
    half = len(genuine) // 2
    for algorithm in both(name):
        assert not algorithm.verify(MESSAGE, key, genuine[:half] + b"\x00" + genuine[half:])
    while genuine[half]:
        genuine = signer(name).sign(MESSAGE)
    for algorithm in both(name):
        assert algorithm.verify(MESSAGE, key, genuine)
        assert not algorithm.verify(MESSAGE, key, genuine[:half] + genuine[half + 1 :])


@pytest.mark.parametrize("name", ["ES256", "ES384", "ES512"])
def test_prepares_keys_as_pyjwt_does(name: str) -> None:
    key, other = key_of(signer(name)), key_of(signer("ES384" if name == "ES256" else "ES256"))
    for algorithm in both(name):
        assert algorithm.prepare_key(key) is key
        with pytest.raises(InvalidKeyError):
            algorithm.prepare_key(other)


def test_returns_other_algorithms_unchanged() -> None:
    original = get_default_algorithms()["none"]
    assert prepare(original) is original
