"""ECDSA, prepared, says what PyJWT says."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jwt import PyJWK
from jwt.algorithms import ECAlgorithm, get_default_algorithms

from backend.adapters.auth.ecdsa import PreparedECAlgorithm
from tests.adapters.auth.tokens import signer

MESSAGE: Final = b"header.payload"
ALGORITHMS: Final = {"ES256": 32, "ES384": 48, "ES512": 66}

everyone = pytest.mark.parametrize("name", ALGORITHMS)


def both(name: str) -> tuple[ECAlgorithm, PreparedECAlgorithm]:
    theirs = get_default_algorithms()[name]
    assert isinstance(theirs, ECAlgorithm)
    return theirs, PreparedECAlgorithm(theirs)


@everyone
def test_takes_the_signature_of_its_key_over_its_message(name: str) -> None:
    _, ours = both(name)
    by = signer(name)
    key, another = (PyJWK(one.jwk()).key for one in (by, signer(name, "another")))
    signature = by.sign(MESSAGE)
    assert ours.verify(MESSAGE, key, signature)
    assert not ours.verify(MESSAGE + b" ", key, signature)
    assert not ours.verify(MESSAGE, another, signature)


@everyone
@given(data=st.data())
def test_says_what_pyjwt_says_of_anything_else(name: str, data: st.DataObject) -> None:
    theirs, ours = both(name)
    by, size = signer(name), ALGORITHMS[name]
    genuine = by.sign(MESSAGE)
    numbers = st.binary(min_size=size, max_size=size)
    signature = data.draw(
        st.just(genuine)
        | st.binary(max_size=3 * size)
        | st.builds(bytes.__add__, numbers, numbers)
        | st.integers(0, 2 * size).map(lambda end: genuine[:end])
        | st.integers(0, 2 * size - 1).map(
            lambda at: genuine[:at] + bytes([genuine[at] ^ 1]) + genuine[at + 1 :]
        )
    )
    key = PyJWK(by.jwk()).key
    verdict = theirs.verify(MESSAGE, key, signature)
    assert ours.verify(MESSAGE, key, signature) is verdict
    assert verdict is (signature == genuine)


@everyone
def test_reads_keys_as_pyjwt_does(name: str) -> None:
    theirs, ours = both(name)
    key = PyJWK(signer(name).jwk()).key
    other = PyJWK(signer("ES384" if name == "ES256" else "ES256").jwk()).key
    assert ours.prepare_key(key) is theirs.prepare_key(key)
    for one in (theirs, ours):
        with pytest.raises(Exception, match="does not match the expected curve"):
            one.prepare_key(other)
