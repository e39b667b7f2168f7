"""Key sets as real issuers and proxies publish them: unusual, but not ambiguous."""

import base64
import json
from typing import Any

import pytest

from backend.adapters.auth.jose.jwk import UnusableKeyError, public_key
from backend.adapters.auth.jwks.document import MAX_KEYS
from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from backend.adapters.auth.jwks.key_set import read_key_set
from backend.domain.auth import InvalidAlgorithmError, UnknownKeyError
from backend.testing.encoding import ABSENT, to_json
from backend.testing.signers import key_set, signer

GOOD = signer("EdDSA", "good")


def raw_set(*members: str) -> bytes:
    """Return a key set with a good key and members that `json` would not write."""
    good = to_json(GOOD.jwk()).decode()
    return f'{{"keys":[{",".join([members[0], good, *members[1:]])}]}}'.encode()


@pytest.mark.parametrize("kid", [ABSENT, None])
@pytest.mark.parametrize("of_token", [None, "any id"])
def test_the_only_key_of_a_set_needs_no_id(kid: object, of_token: str | None) -> None:
    keys = read_key_set(key_set(signer("EdDSA").jwk(kid=kid)))
    [key] = keys.match("EdDSA", of_token)
    assert key.kid is None
    assert key.verify("EdDSA", b"message", signer("EdDSA").sign(b"message"))
    with pytest.raises(InvalidAlgorithmError):
        keys.match("ES256", "any id")
    assert keys.match("ES256", None) == []


def test_a_key_without_id_beside_others_serves_only_tokens_without_kid() -> None:
    keys = read_key_set(key_set(signer("ES256", "1"), signer("EdDSA").jwk(kid=ABSENT)))
    assert keys.match("EdDSA", "any id") == []
    assert keys.match("ES256", "any id") == []
    [key] = keys.match("EdDSA", None)
    assert key.kid is None


def test_a_key_without_id_beside_an_unusable_key_is_not_the_only_key() -> None:
    keys = read_key_set(key_set(None, signer("EdDSA").jwk(kid=ABSENT)))
    assert keys.match("EdDSA", "any id") == []


def test_several_keys_without_id_are_ambiguous() -> None:
    keys = read_key_set(key_set(signer("EdDSA").jwk(kid=ABSENT), GOOD.jwk(kid=ABSENT)))
    with pytest.raises(UnknownKeyError, match="several keys match"):
        keys.match("EdDSA", None)
    assert keys.match("EdDSA", "any id") == []
    assert keys.match("EdDSA", "") == []


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "RS256"])
@pytest.mark.parametrize(
    "changes",
    [
        {"use": None},
        {"key_ops": None},
        {"key_ops": []},
        {"use": None, "key_ops": None, "alg": None, "x5c": None},
    ],
    ids=str,
)
def test_a_member_without_a_value_counts_as_absent(algorithm: str, changes: dict[str, Any]) -> None:
    assert public_key(signer(algorithm).jwk(**changes)).kid == "key-1"


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "ES384", "ES512", "RS256"])
def test_numbers_may_be_padded(algorithm: str) -> None:
    by = signer(algorithm)
    plain: dict[str, Any] = by.jwk()
    padded: dict[str, Any] = {
        name: plain[name] + "=" * (-len(plain[name]) % 4)
        for name in ("n", "e", "x", "y")
        if name in plain
    }
    assert public_key(plain | padded) == public_key(plain)


@pytest.mark.parametrize("padding", ["=", "==", "===", "===="])
def test_wrong_padding_is_rejected(padding: str) -> None:
    for algorithm, member in (("EdDSA", "x"), ("RS256", "n"), ("RS256", "e")):
        plain = signer(algorithm).jwk()
        if len(padding) == -len(plain[member]) % 4:
            continue
        with pytest.raises(UnusableKeyError):
            public_key({**plain, member: plain[member] + padding})


def test_standard_base64_is_not_base64url() -> None:
    plain = signer("RS256").jwk()
    number = base64.urlsafe_b64decode(plain["n"] + "==")
    standard = base64.b64encode(number).decode()
    assert {*standard} & {*"+/"}
    with pytest.raises(UnusableKeyError):
        public_key({**plain, "n": standard})


def test_reads_a_thousand_keys() -> None:
    jwk = signer("ES256").jwk()
    keys = read_key_set(key_set(*({**jwk, "kid": str(n)} for n in range(1000))))
    assert len(keys.by_kid) == MAX_KEYS == 1000
    with pytest.raises(FetchError, match="at most 1000 keys"):
        read_key_set(key_set(*[jwk] * 1001))


@pytest.mark.parametrize(
    "member",
    [
        r'{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"\ud83d","x":"AAAA"}',
        r'{"kty":"OKP","kid":"1","name":{"first":["\ud83d"]}}',
        r'{"kty":"OKP","kid":"1","\ud83d":1}',
        '{"kty":"OKP","kid":"1","kid":"2"}',
        '{"kty":"OKP","kid":"1","nested":{"a":1,"a":2}}',
        '{"kty":"OKP","kid":"1","exp":NaN}',
        '{"kty":"OKP","kid":"1","exp":-Infinity}',
        '{"kty":"OKP","kid":"1","exp":1e999}',
        '{"kty":"OKP","kid":"1","exp":' + "9" * 5000 + "}",
        '{"kty":"OKP","kid":"1","deep":' + "[" * 300 + "]" * 300 + "}",
        '"\\ud83d"',
        "NaN",
        "[NaN]",
    ],
    ids=lambda member: member[:50],
)
def test_a_bad_member_makes_only_its_own_key_unusable(member: str) -> None:
    keys = read_key_set(raw_set(member, "null"))
    assert list(keys.by_kid) == ["good"]
    first, second = keys.rejected
    assert first.startswith("key 0: ")
    assert second.startswith("key 2: ")
    for reason in keys.rejected:
        reason.encode()  # goes to logs and terminals


def test_a_key_with_a_bad_member_is_unusable() -> None:
    spoiled = json.dumps({**signer("EdDSA", "bad").jwk(), "name": "\ud83d"})
    assert list(read_key_set(raw_set(spoiled)).by_kid) == ["good"]
    twice = to_json(signer("EdDSA", "bad").jwk()).decode()[:-1] + ',"kid":"other"}'
    assert list(read_key_set(raw_set(twice)).by_kid) == ["good"]


@pytest.mark.parametrize("member", ["NaN", '"\\ud83d"', '{"a":1,"a":2}', "1e999"])
def test_a_bad_member_beside_the_keys_is_ignored(member: str) -> None:
    document = key_set(GOOD)[:-1] + f',"extra":{member}}}'.encode()
    assert list(read_key_set(document).by_kid) == ["good"]


@pytest.mark.parametrize(
    "document",
    [
        b'{"keys":[],"keys":[]}',
        key_set(GOOD)[:-1] + b',"keys":[]}',
        b'{"keys":[],"\\u006beys":[]}',
        b'[{"keys":[]},NaN]',
        b'{"keys":NaN}',
        b'{"keys":[]}{"keys":[NaN]}',
        b"\xef\xbb\xbf\xef\xbb\xbf" + key_set(GOOD),
        b'{"keys":[' + b"\xff" + b"]}",
    ],
    ids=repr,
)
def test_an_ambiguous_document_is_not_a_key_set(document: bytes) -> None:
    with pytest.raises(FetchError) as caught:
        read_key_set(document)
    assert caught.value.kind is FetchErrorKind.NOT_A_KEY_SET


def test_a_byte_order_mark_at_the_beginning_is_ignored() -> None:
    assert list(read_key_set(b"\xef\xbb\xbf" + key_set(GOOD)).by_kid) == ["good"]


def test_the_message_about_a_thousand_bad_keys_is_short() -> None:
    with pytest.raises(FetchError, match="and 990 more") as caught:
        read_key_set(key_set(*[signer("EdDSA").jwk(use="enc")] * 1000))
    assert len(str(caught.value)) < 1000
