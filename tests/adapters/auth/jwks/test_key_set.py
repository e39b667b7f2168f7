"""An unusable key does not affect the others, and a token finds its key without guessing."""

from typing import Any

import pytest

from backend.adapters.auth.jwks.document import MAX_KEYS
from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from backend.adapters.auth.jwks.key_set import KeySet, read_key_set
from backend.domain.auth import InvalidAlgorithmError, UnknownKeyError
from backend.testing.encoding import ABSENT, b64, to_json
from backend.testing.signers import key_set, signer

GOOD = signer("EdDSA", "good")
BAD: list[Any] = [
    None,
    "key",
    [],
    {},
    signer("EdDSA").jwk(kty="unknown"),
    signer("EdDSA").jwk(alg="none"),
    signer("EdDSA").jwk(alg=["EdDSA"]),
    signer("EdDSA").jwk(use="tls"),
    signer("EdDSA").jwk(kid=""),
    signer("EdDSA").jwk(x=b64(bytes(32))),
    signer("RS256").jwk(d="AAAA"),
    signer("ES256").jwk(key_ops=["sign"]),
    {"kty": "oct", "kid": "secret", "alg": "HS256", "k": b64(b"x" * 32)},
]


def test_a_key_for_encryption_is_ignored_and_not_reported() -> None:
    for_encryption = signer("RS256", "enc").jwk(use="enc", alg="RSA-OAEP")
    keys = read_key_set(key_set(signer("RS256", "1"), for_encryption))
    assert list(keys.by_kid) == ["1"]
    assert keys.rejected == ()
    with pytest.raises(FetchError, match="alg does not fit") as caught:
        read_key_set(key_set(for_encryption))
    assert caught.value.kind is FetchErrorKind.NO_USABLE_KEY


def test_reads_every_good_key() -> None:
    signers = [signer("EdDSA", "1"), signer("ES256", "2"), signer("RS256", "3")]
    keys = read_key_set(key_set(*signers))
    assert list(keys.by_kid) == ["1", "2", "3"]
    assert keys.rejected == ()
    for by in signers:
        [key] = keys.match(by.algorithm, by.kid)
        assert key.verify(by.algorithm, b"message", by.sign(b"message"))


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: str(bad)[:40])
def test_drops_a_bad_key_and_keeps_the_good_keys(bad: object) -> None:
    keys = read_key_set(key_set(GOOD, bad, signer("ES256", "also good")))
    assert list(keys.by_kid) == ["good", "also good"]
    [reason] = keys.rejected
    assert reason.startswith("key 1: ")


def test_drops_each_bad_key_separately() -> None:
    keys = read_key_set(key_set(*BAD, GOOD))
    assert list(keys.by_kid) == ["good"]
    assert len(keys.rejected) == len(BAD)


def test_a_key_set_without_a_usable_key_is_an_outage() -> None:
    with pytest.raises(FetchError, match="no usable key") as caught:
        read_key_set(key_set(*BAD))
    assert caught.value.kind is FetchErrorKind.NO_USABLE_KEY


def test_an_empty_key_set_is_valid() -> None:
    # Better Auth publishes an empty key set until it has signed for the first time.
    assert read_key_set(b'{"keys":[]}').by_kid == {}


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"null",
        b"[]",
        b"<!doctype html><title>502</title>",
        to_json([GOOD.jwk()]),
        to_json(GOOD.jwk()),
        b"{}",
        b'{"keys":null}',
        b'{"keys":{}}',
        b'{"keys":"key"}',
        b'{"keys":[],"keys":[]}',
        b'{"keys":[{"kid":"1","kid":"2"}]}',
        b'{"keys":' * 100_000,
        b'{"keys":' + b"[" * 400_000 + b"]" * 400_000 + b"}",
        b'{"keys":[NaN]}',
        key_set(*[GOOD] * (MAX_KEYS + 1)),
        key_set(GOOD)[:-1],
        b"\xef\xbb\xbf\xef\xbb\xbf" + key_set(GOOD),
        key_set(GOOD).decode().encode("utf-16"),
    ],
    ids=lambda document: repr(document[:30]),
)
def test_a_document_that_is_not_a_key_set_is_an_outage(document: bytes) -> None:
    with pytest.raises(FetchError) as caught:
        read_key_set(document)
    assert caught.value.kind in {FetchErrorKind.NOT_A_KEY_SET, FetchErrorKind.NO_USABLE_KEY}


def test_an_unknown_id_matches_nothing() -> None:
    keys = read_key_set(key_set(GOOD))
    for kid in ("", "GOOD", "good ", "../good", "g" * 10_000):
        assert keys.match("EdDSA", kid) == []


def test_a_key_does_not_match_the_algorithm_of_another_key() -> None:
    keys = read_key_set(key_set(GOOD, signer("ES256", "another")))
    with pytest.raises(InvalidAlgorithmError):
        keys.match("ES256", "good")


def test_a_token_without_kid_matches_the_only_key_of_its_algorithm() -> None:
    keys = read_key_set(key_set(GOOD, signer("ES256", "1"), signer("RS256", "2")))
    assert [key.kid for key in keys.match("ES256", None)] == ["1"]
    assert keys.match("ES384", None) == []


def test_several_keys_of_the_algorithm_are_ambiguous_without_a_kid() -> None:
    keys = read_key_set(key_set(signer("EdDSA", "1"), signer("EdDSA", "2")))
    with pytest.raises(UnknownKeyError, match="several keys match"):
        keys.match("EdDSA", None)


def test_a_shared_kid_matches_the_keys_of_the_algorithm() -> None:
    keys = read_key_set(key_set(signer("EdDSA", "1"), signer("ES256", "1"), signer("RS256", "1")))
    for algorithm in ("EdDSA", "ES256", "RS256"):
        [key] = keys.match(algorithm, "1")
        assert key.algorithms == (algorithm,)
    with pytest.raises(InvalidAlgorithmError):
        keys.match("PS256", "1")


def test_includes_a_key_set_only_if_all_its_keys_are_unchanged() -> None:
    first, second = signer("EdDSA", "1"), signer("EdDSA", "2")
    keys = read_key_set(key_set(first, second))
    assert keys.includes(KeySet())
    assert keys.includes(read_key_set(key_set(second, first)))
    assert keys.includes(read_key_set(key_set(first)))
    assert not read_key_set(key_set(first)).includes(keys)
    assert not KeySet().includes(keys)
    assert not read_key_set(key_set(first, signer("EdDSA", "3").jwk(kid="2"))).includes(keys)
    assert not read_key_set(key_set(first, second.jwk(alg=ABSENT))).includes(keys)


def test_repr_shows_no_key() -> None:
    assert GOOD.public["x"] not in repr(read_key_set(key_set(GOOD)))
