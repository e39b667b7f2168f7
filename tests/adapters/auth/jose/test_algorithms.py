"""Prepared algorithms say what PyJWT's say."""

from typing import Any, Final

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt import PyJWK
from jwt.algorithms import Algorithm, get_default_algorithms
from jwt.exceptions import InvalidKeyError

from backend.adapters.auth.jose.algorithms import prepared
from tests.adapters.auth.tokens import Signer, rsa_signer, secret_signer, signer

MESSAGE: Final = b"header.payload"
ALGORITHMS: Final = [
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512"),
]

everyone = pytest.mark.parametrize("name", ALGORITHMS)


def both(name: str) -> tuple[Algorithm, Algorithm]:
    theirs = get_default_algorithms()[name]
    ours = prepared(theirs)
    assert type(ours).verify is not type(theirs).verify
    return theirs, ours


def key_of(by: Signer) -> Any:
    return PyJWK(by.jwk()).key


def signer_and_key(name: str, kid: str = "key-1") -> tuple[Signer, Any]:
    """Return who signs, and what PyJWT's algorithms verify it with."""
    if name.startswith("HS"):
        secret = kid.encode() * 8
        return secret_signer(secret, hash_name=f"sha{name[2:]}"), secret
    by = signer(name, kid)
    return by, key_of(by)


@everyone
def test_takes_the_signature_of_its_key_over_its_message(name: str) -> None:
    _, ours = both(name)
    (by, key), (_, another) = signer_and_key(name), signer_and_key(name, "another")
    signature = by.sign(MESSAGE)
    assert ours.verify(MESSAGE, key, signature)
    assert not ours.verify(MESSAGE + b" ", key, signature)
    assert not ours.verify(MESSAGE, another, signature)


@pytest.mark.parametrize("name", ["ES256", "ES384", "ES512"])
def test_takes_an_ecdsa_signature_whatever_its_numbers_look_like(name: str) -> None:
    # DER leaves out leading zeros, and puts one before what would be negative otherwise.
    theirs, ours = both(name)
    key, unseen = key_of(signer(name)), {(short, high) for short in (0, 1) for high in (0, 1)}
    if name == "ES512":
        unseen.remove((0, 1))  # its 521 bits leave the first of 66 bytes nearly empty
    while unseen:
        signature = signer(name).sign(MESSAGE)
        half = len(signature) // 2
        for number in (signature[:half], signature[half:]):
            significant = number.lstrip(b"\x00")
            unseen.discard((int(len(significant) < half), significant[0] >> 7))
        assert (
            ours.verify(MESSAGE, key, signature) is theirs.verify(MESSAGE, key, signature) is True
        )


@pytest.mark.parametrize("name", ["ES256", "ES384", "ES512"])
def test_refuses_numbers_that_no_ecdsa_signature_has(name: str) -> None:
    key, genuine = key_of(signer(name)), signer(name).sign(MESSAGE)
    half = len(genuine) // 2
    halves = [genuine[:half], genuine[half:]]
    for odd in (b"\x00" * half, b"\x00" * (half - 1) + b"\x01", b"\x80" * half, b"\xff" * half):
        for numbers in ([odd, odd], [odd, halves[1]], [halves[0], odd]):
            for algorithm in both(name):
                assert algorithm.verify(MESSAGE, key, b"".join(numbers)) is False


@everyone
@given(data=st.data())
def test_says_what_pyjwt_says_of_anything_else(name: str, data: st.DataObject) -> None:
    theirs, ours = both(name)
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
    verdict = theirs.verify(MESSAGE, key, signature)
    assert ours.verify(MESSAGE, key, signature) is verdict
    assert verdict is (signature == genuine)


@pytest.mark.parametrize("name", ["RS256", "PS256"])
def test_takes_no_signature_by_another_padding_salt_or_hash(name: str) -> None:
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
def test_takes_no_signature_of_another_length_with_the_same_numbers(name: str) -> None:
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
def test_reads_keys_as_pyjwt_does(name: str) -> None:
    key, other = key_of(signer(name)), key_of(signer("ES384" if name == "ES256" else "ES256"))
    for algorithm in both(name):
        assert algorithm.prepare_key(key) is key
        with pytest.raises(InvalidKeyError):
            algorithm.prepare_key(other)


def test_leaves_alone_what_makes_no_signature() -> None:
    theirs = get_default_algorithms()["none"]
    assert prepared(theirs) is theirs
