"""Several issuers: which verifier a token gets, and what an attacker can write into `iss`."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from backend.adapters.auth.better_auth.tokens import to_principal
from backend.adapters.auth.issuers import IssuerTokenVerifier, issuer_of, with_user_id_prefix
from backend.adapters.auth.jwks.key_set import read_key_set
from backend.domain.auth import (
    AuthError,
    InvalidAlgorithmError,
    InvalidAudienceError,
    InvalidClaimError,
    InvalidIssuerError,
    InvalidSignatureError,
    MalformedTokenError,
    MissingClaimError,
    Principal,
    UnknownKeyError,
)
from backend.testing.encoding import ABSENT, b64
from backend.testing.signers import Signer, key_set, signer
from tests.adapters.auth.tokens import secret_signer, token, valid_claims
from tests.adapters.auth.verifiers import FixedKeys, verifier

pytestmark = pytest.mark.anyio

A, B = "https://a.example.com", "https://b.example.com"
KEY_A, KEY_B = signer("ES256", "a"), signer("ES256", "b")
SAME_KID_A, SAME_KID_B = signer("EdDSA", "same"), signer("RS256", "same")
SECRET_A = b"the secret that issuer A shares with this server"


class Rejecting:
    """A verifier that counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    async def verify(self, _token: str, /) -> Principal:
        self.calls += 1
        raise InvalidSignatureError("no key")


class Two:
    """Two issuers, with the keys that were asked for."""

    def __init__(self) -> None:
        self.keys_a = FixedKeys(read_key_set(key_set(KEY_A, SAME_KID_A)))
        self.keys_b = FixedKeys(read_key_set(key_set(KEY_B, SAME_KID_B)))
        self.verifier = IssuerTokenVerifier(
            {
                A: self._verifier(A, self.keys_a, secrets=[SECRET_A]),
                B: self._verifier(B, self.keys_b),
            }
        )

    @staticmethod
    def _verifier(issuer: str, keys: FixedKeys, **options: Any) -> Any:
        accepted = frozenset({issuer})
        return verifier(source=keys, issuers=accepted, audiences=accepted, **options)

    async def outcome(self, text: str) -> str | type[AuthError]:
        try:
            return (await self.verifier.verify(text)).user_id
        except AuthError as error:
            return type(error)


def of(issuer: object, by: Signer, **changes: Any) -> str:
    return token(by, claims={"iss": issuer, "aud": issuer, **changes})


def with_payload(payload: bytes, by: Signer = KEY_A) -> str:
    return token(by, claims=payload)


async def test_each_issuer_has_its_own_keys() -> None:
    two = Two()
    assert await two.outcome(of(A, KEY_A, sub="ada")) == "ada"
    assert await two.outcome(of(B, KEY_B, sub="bob")) == "bob"
    assert two.keys_a.asked == [("ES256", "a")]
    assert two.keys_b.asked == [("ES256", "b")]


async def test_a_key_id_of_one_issuer_does_not_count_for_another() -> None:
    two = Two()
    assert await two.outcome(of(B, KEY_A)) is UnknownKeyError
    assert await two.outcome(of(A, KEY_B)) is UnknownKeyError
    assert ("ES256", "b") not in two.keys_b.asked


async def test_equal_key_ids_of_two_issuers_are_two_keys() -> None:
    two = Two()
    assert await two.outcome(of(A, SAME_KID_A, sub="ada")) == "ada"
    assert await two.outcome(of(B, SAME_KID_B, sub="bob")) == "bob"
    assert await two.outcome(of(B, SAME_KID_A)) is InvalidAlgorithmError
    assert await two.outcome(of(A, SAME_KID_B)) is InvalidAlgorithmError


async def test_a_key_with_a_known_id_of_the_other_issuer_verifies_nothing() -> None:
    assert await Two().outcome(of(B, replace(KEY_A, kid="b"))) is InvalidSignatureError


async def test_the_secret_of_one_issuer_does_not_sign_tokens_of_another() -> None:
    two = Two()
    assert await two.outcome(of(A, secret_signer(SECRET_A), sub="ada")) == "ada"
    assert await two.outcome(of(B, secret_signer(SECRET_A))) is InvalidAlgorithmError


async def test_a_public_key_of_one_issuer_is_no_secret_of_another() -> None:
    public = json.dumps(KEY_B.jwk()).encode()
    assert await Two().outcome(of(A, secret_signer(public))) is InvalidSignatureError


async def test_the_audience_of_another_issuer_is_refused() -> None:
    assert await Two().outcome(of(A, KEY_A, aud=B)) is InvalidAudienceError


@pytest.mark.parametrize(
    "issuer",
    [
        *("https://a.example.com/", "https://A.example.com", "HTTPS://a.example.com"),
        *("https://a.example.com:443", "http://a.example.com", "https://a.example.com."),
        *(" https://a.example.com", "https://a.example.com\n", "https://a.example.com\0"),
        *("https://\u0430.example.com", "https://a\u3002example.com", "https://a.example.co\u217f"),
        *("https://a.example.com/../", "https://b.example.com@a.example.com", "a", ""),
        *(f"{A},{B}", f"{A} {B}", "*"),
    ],
)
async def test_an_issuer_that_is_only_similar_is_unknown(issuer: str) -> None:
    two = Two()
    assert await two.outcome(of(issuer, KEY_A)) is InvalidIssuerError
    assert two.keys_a.asked == two.keys_b.asked == []


@pytest.mark.parametrize("issuer", [1, 1.5, True, [A], {"iss": A}, [], {}])
async def test_an_issuer_that_is_not_a_string_is_refused(issuer: object) -> None:
    two = Two()
    assert await two.outcome(of(issuer, KEY_A)) is InvalidIssuerError
    assert two.keys_a.asked == []


@pytest.mark.parametrize("issuer", [ABSENT, None])
async def test_a_token_must_name_its_issuer(issuer: object) -> None:
    two = Two()
    assert await two.outcome(of(issuer, KEY_A, aud=A)) is MissingClaimError
    assert two.keys_a.asked == two.keys_b.asked == []


async def test_an_issuer_may_be_written_with_escapes() -> None:
    claims = {"iss": A, "aud": A, "sub": "ada", "iat": 1_799_999_940, "exp": 1_800_000_840}
    text = json.dumps(claims).replace("/", r"\/").replace('"iss"', r'"\u0069ss"')
    assert await Two().outcome(with_payload(text.encode())) == "ada"


@pytest.mark.parametrize("by", [KEY_A, KEY_B])
@pytest.mark.parametrize("order", [(A, B), (B, A), (A, A)])
async def test_two_issuers_in_a_token_are_refused(by: Signer, order: tuple[str, str]) -> None:
    first, second = order
    members = '"sub":"ada","iat":1799999940,"exp":1800000840'
    payload = f'{{"iss":"{first}","aud":["{A}","{B}"],{members},"iss":"{second}"}}'
    assert await Two().outcome(with_payload(payload.encode(), by)) in {
        MalformedTokenError,
        UnknownKeyError,
    }


async def test_an_issuer_in_the_header_is_ignored() -> None:
    two = Two()
    for issuer, by in ((A, KEY_B), (B, KEY_A)):
        text = token(by, header={"iss": A if by is KEY_A else B}, claims={"iss": issuer})
        assert await two.outcome(text) is UnknownKeyError


@pytest.mark.parametrize(
    "payload",
    [
        *(b"", b"[]", b"null", b'"iss"', b"{", b'{"iss"}', b"\xff", b'{"iss":"\\ud800"}'),
        *(b'{"iss":"\xff"}', b"[" * 5000, b'{"a":' * 3000, b'{"iss":NaN}'),
    ],
)
async def test_malformed_payloads_are_authentication_errors(payload: bytes) -> None:
    two = Two()
    assert isinstance(await two.outcome(with_payload(payload)), type)
    assert two.keys_a.asked == []


async def test_strange_but_valid_payloads_reach_their_issuer() -> None:
    nested: Any = "deep"
    for _ in range(200):
        nested = [nested]
    strange: Mapping[str, Any] = {
        "nested": nested,
        "name": "cut \ud83d",
        "number": 1.000000000000000000001e300,
        "big": 10**40,
        "": {"iss": B},
    }
    payload = json.dumps(valid_claims(iss=A, aud=A, sub="ada", **strange))
    assert "\\ud83d" in payload
    assert await Two().outcome(with_payload(payload.encode())) == "ada"


async def test_long_tokens_are_not_read() -> None:
    rejecting = Rejecting()
    text = of(A, KEY_A)
    for max_length, calls in ((len(text) - 1, 0), (len(text), 1)):
        chooser = IssuerTokenVerifier({A: rejecting}, max_length=max_length)
        with pytest.raises(AuthError):
            await chooser.verify(text)
        assert rejecting.calls == calls


@pytest.mark.parametrize("issuer", ["https://unknown.example.com", "s3cret" * 20])
async def test_an_unknown_issuer_is_not_quoted(issuer: str) -> None:
    with pytest.raises(InvalidIssuerError) as caught:
        await Two().verifier.verify(of(issuer, KEY_A))
    error = caught.value
    assert issuer not in f"{error} {error.found} {error.expected}"
    assert A in error.expected
    assert B in error.expected


async def test_many_issuers_do_not_make_a_refusal_long() -> None:
    issuers = [f"https://login.customer-{number:02}.example.com/realm" for number in range(100)]
    chooser = IssuerTokenVerifier(dict.fromkeys(issuers, Rejecting()))
    with pytest.raises(InvalidIssuerError) as caught:
        await chooser.verify(of("https://unknown.example.com", KEY_A))
    assert caught.value.expected.startswith(f'"{issuers[0]}" or "{issuers[1]}" or ')
    assert caught.value.expected.endswith(" or 95 more")
    assert len(caught.value.expected) < 500


@pytest.mark.parametrize(
    "text", ["", "a.b", "a.b.c", "\u2603.e30.e30", "e30.e30.e30.e30", "e30..e30"]
)
def test_nonsense_names_no_issuer(text: str) -> None:
    with pytest.raises(AuthError):
        issuer_of(text, max_length=1000)


def test_only_the_payload_names_the_issuer() -> None:
    payload = b64(json.dumps({"x": {"iss": B}, "iss": A}).encode())
    assert issuer_of(f"e30.{payload}.e30", max_length=1000) == A


@pytest.mark.parametrize(
    "member", [r"\ud069ss", r"\uD069ss", r"\ud83diss", r"iss\udc00", r"\\ud069ss", r"\u0131ss"]
)
def test_another_member_never_becomes_the_issuer(member: str) -> None:
    for other in ("", r',"cut":"\ud83d"', r',"\udc00":1'):
        payload = b64(f'{{"{member}":"{B}"{other}}}'.encode())
        with pytest.raises(MissingClaimError):
            issuer_of(f"e30.{payload}.e30", max_length=1000)
        payload = b64(f'{{"iss":"{A}","{member}":"{B}"{other}}}'.encode())
        assert issuer_of(f"e30.{payload}.e30", max_length=1000) == A


def mapped(prefix: str, *reserved: str, sub: str) -> Principal:
    return with_user_id_prefix(to_principal, prefix, reserved=reserved)({"sub": sub}, 5.0)


def test_a_prefix_keeps_users_of_two_issuers_apart() -> None:
    assert mapped("a:", "b:", sub="ada").user_id == "a:ada"
    assert mapped("b:", "a:", sub="ada").user_id == "b:ada"
    assert mapped("a:", "b:", sub="b:ada").user_id == "a:b:ada"
    assert mapped("", "a:", sub="ada") == to_principal({"sub": "ada"}, 5.0)


@pytest.mark.parametrize("sub", ["new:ada", "new:", "new:new:"])
def test_an_issuer_without_a_prefix_cannot_write_ids_of_another(sub: str) -> None:
    with pytest.raises(InvalidClaimError, match="prefix of another issuer"):
        mapped("", "new:", "other:", sub=sub)
    assert mapped("", "new:", sub=f"x{sub}").user_id == f"x{sub}"


def test_an_id_may_not_become_too_long() -> None:
    assert mapped("a:", sub="x" * 253).user_id == "a:" + "x" * 253
    with pytest.raises(InvalidClaimError):
        mapped("a:", sub="x" * 254)
