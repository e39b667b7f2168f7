"""A key id of the kit always names the same key."""

import pytest

from backend.testing.signers import ALGORITHMS, signer


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_id_always_names_the_same_key(algorithm: str) -> None:
    keys = [signer(algorithm), signer(algorithm, "key-1"), signer(algorithm, kid="key-1")]
    assert [key.jwk() for key in keys] == [keys[0].jwk()] * 3


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "RS256"])
def test_each_key_id_has_its_own_key(algorithm: str) -> None:
    assert signer(algorithm, "key-1").public != signer(algorithm, "key-2").public
