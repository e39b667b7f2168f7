"""An explanation says what the verifier decides, check by check, and never more than it may."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.adapters.auth.explain.redaction import OMITTED, REDACTED
from backend.adapters.auth.jose.jwk import VerificationKey
from backend.adapters.auth.jose.jws import decode_base64url
from backend.domain.auth import AuthError, VerifierUnavailableError
from backend.domain.diagnosis import Explanation
from tests.adapters.auth.explain.explainers import JWKS_URL, both, failing, finding
from tests.adapters.auth.tokens import (
    ABSENT,
    ISSUER,
    NOW,
    SECRET,
    b64,
    secret_signer,
    signer,
    to_json,
    token,
)

pytestmark = pytest.mark.anyio

MARK = "never-to-be-told"
CHECKS = [
    *("form", "header", "signature", "payload", "subject", "issuer", "audience", "times", "user")
]
KEYS = [signer("EdDSA"), signer("ES256", "2"), signer("RS256", "3")]
EXPLAINER, VERIFIER = both(*KEYS, secrets=[SECRET], max_lifetime=7200)

signers = st.sampled_from([*KEYS, secret_signer(), secret_signer(b"of somebody else" * 2)])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
odd = st.recursive(
    scalars | st.sampled_from([ABSENT, ISSUER, f"{ISSUER}/", "key-1", "JWT", "at+jwt", NOW, "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def without_absent(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_absent(v) for k, v in value.items() if v is not ABSENT}
    if isinstance(value, list):
        return [without_absent(one) for one in value if one is not ABSENT]
    return value


members = odd.map(lambda value: value if value is ABSENT else without_absent(value))
headers = st.dictionaries(
    st.sampled_from(["alg", "kid", "typ", "cty", "crit", "b64", "zip", "jwk", "x"]), members
)
claims = st.dictionaries(
    st.sampled_from(
        [
            *("sub", "iss", "aud", "exp", "iat", "nbf", "jti", "cnf", "email", "name", "role"),
            *("banned", "session", "user", "sid", "scope"),
        ]
    ),
    members,
)


@st.composite
def tokens(draw: st.DrawFn) -> str:
    """Tokens that are good, wrong in their parts, or changed on their way."""
    by = draw(signers)
    changed = draw(st.integers(0, 7))
    header = draw(headers) if changed & 1 else {}
    said = draw(claims) if changed & 2 else {}
    try:
        text = token(by, header=header, claims=said)
    except (UnicodeEncodeError, ValueError):  # a lone surrogate
        text = token(by)
    if changed & 4:
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.text(max_size=2)) + text[at + draw(st.integers(0, 2)) :]
    return text


def shown(said: Explanation) -> str:
    parts = [said.header, said.claims, [str(one) for one in said.findings], said.code, said.reason]
    return json.dumps(parts)


async def decided(text: str) -> tuple[Explanation, tuple[str, str, str] | None]:
    """Return what is explained of a token, and how the verifier refuses it, if it does."""
    said = await EXPLAINER.explain(text)
    try:
        await VERIFIER.verify(text)
    except AuthError as error:
        return said, (error.code, error.reason, str(error))
    return said, None


def assert_agrees(text: str) -> None:
    said, refusal = asyncio.run(decided(text))
    assert said.accepted is (refusal is None)
    problems = [one.problem for one in said.findings if one.problem is not None]
    assert (said.code, said.reason, *problems[:1]) == (refusal or (None, None))
    signature = text.rpartition(".")[2]
    for secret in (text, SECRET.decode(), *([signature] if len(signature) > 20 else [])):
        assert secret not in shown(said)


@given(tokens())
def test_agrees_with_the_verifier_on_every_token_and_shows_no_secret(text: str) -> None:
    assert_agrees(text)


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: f"{b64(data)}.e30.AAAA"))
def test_explains_whatever_it_is_given(text: str) -> None:
    said = asyncio.run(EXPLAINER.explain(text))
    assert not said.accepted
    assert said.code == "invalid_token"


@pytest.mark.parametrize(
    "payload",
    [
        b"[" * 3000 + b"]" * 3000,
        b'{"a":' * 900 + b"1" + b"}" * 900,
        b'{"a":' * 300 + b"1" + b"}" * 300,
        b'{"iss":' + b"[" * 400 + b"]" * 400 + b"}",
        b'{"exp":' + b"9" * 4000 + b"}",
        b'{"exp":1e308,"iat":-1,"nbf":1e-300}',
        b'{"a":"\\ud800"}',
        b'{"a":1,"a":2}',
        b"\xff\xfe",
        b"null",
        b"",
    ],
)
@pytest.mark.parametrize("place", ["header", "claims"])
def test_odd_json_never_ends_an_explanation(payload: bytes, place: str) -> None:
    parts = {"header": to_json({"alg": "EdDSA", "kid": "key-1"}), "claims": b"{}", place: payload}
    text = token(header=parts["header"], claims=parts["claims"])
    assert_agrees(text)


async def test_every_check_holds_of_a_good_token() -> None:
    said = await EXPLAINER.explain(token())
    assert [one.check for one in said.findings] == CHECKS
    assert said.accepted
    assert said.header == {"alg": "EdDSA", "kid": "key-1"}
    assert said.claims["email"] == "alice@example.com"


async def test_goes_on_past_the_first_check_that_fails() -> None:
    wrong = {"sub": 1, "iss": "x", "aud": "y", "exp": NOW - 3600, "email": 1}
    text = token(signer("EdDSA", "unknown"), claims=wrong)
    said = await EXPLAINER.explain(text)
    assert failing(said) == ["signature", "subject", "issuer", "audience", "times", "user"]
    assert (said.code, said.reason) == ("invalid_token", "unknown_key")


async def test_a_token_that_only_ended_is_told_from_others() -> None:
    said = await EXPLAINER.explain(token(claims={"iat": NOW - 4000, "exp": NOW - 3600}))
    assert failing(said) == ["times"]
    assert (said.code, said.reason) == ("token_expired", "token_expired")


async def test_what_follows_from_a_part_that_is_refused_is_not_checked() -> None:
    said = await EXPLAINER.explain(token(header={"kid": ["a"]}, claims=b"[]"))
    assert failing(said) == ["header", "payload"]
    unchecked = {one.check: one.found for one in said.findings if not one.checked}
    claims = ("subject", "issuer", "audience", "times", "user")
    assert unchecked == {
        "signature": "the header is refused",
        **dict.fromkeys(claims, "the payload is refused"),
    }


async def test_says_what_was_found_and_what_was_expected() -> None:
    text = token(signer("EdDSA", "other"), claims={"iss": "x", "aud": ["y"], "exp": NOW - 60})
    said = await EXPLAINER.explain(text)
    compared = {one.check: (one.found, one.expected) for one in said.findings if one.problem}
    assert compared == {
        "signature": (
            '"EdDSA" by key "other"',
            f"HS256 by the shared secret or a key of {JWKS_URL}",
        ),
        "issuer": ('"x"', f'"{ISSUER}"'),
        "audience": ('["y"]', f'"{ISSUER}"'),
        "times": (
            "iat 2027-01-15T07:59:00Z, exp 2027-01-15T07:59:00Z",
            "begun by and not over at 2027-01-15T08:00:00Z, give or take 10 s",
        ),
    }


async def test_says_so_if_nothing_is_found_or_expected() -> None:
    explainer, _ = both(issuers=frozenset(), audiences=frozenset(), secrets=[SECRET], jwks=False)
    nothing = {"iss": ABSENT, "iat": ABSENT, "exp": ABSENT}
    said = await explainer.explain(token(secret_signer(b"another one" * 3), claims=nothing))
    assert finding(said, "issuer").found == "none"
    assert finding(said, "audience").expected == "none at all"
    assert finding(said, "times").found == "none"
    assert finding(said, "signature").found == '"HS256"'
    assert finding(said, "signature").expected == "HS256 by the shared secret"


class NoKeys:
    """The keys of an issuer that is away."""

    def known(self, algorithm: str, kid: str | None, /) -> Sequence[VerificationKey]:
        return ()

    async def find(self, algorithm: str, kid: str | None, /) -> Sequence[VerificationKey]:
        raise VerifierUnavailableError("the issuer's keys are unavailable: HTTP 404")


async def test_an_outage_is_neither_an_acceptance_nor_a_refusal() -> None:
    explainer, _ = both(source=NoKeys())
    said = await explainer.explain(token(claims={"iss": "x"}))
    assert (said.code, said.reason) == ("verifier_unavailable", "verifier_unavailable")
    assert failing(said) == ["signature", "issuer"]
    assert not said.accepted


SECRETS: list[dict[str, Any]] = [
    {name: MARK}
    for name in (
        *("jti", "sid", "nonce", "at_hash", "cnf", "token", "sessionToken", "access_token"),
        *("refreshToken", "id_token", "twoFactorSecret", "password", "Api-Key", "backupCodes"),
    )
] + [
    {"session": {"token": MARK, "id": "1"}},
    {"a": [{"b": {"TOKEN": [MARK]}}]},
    {"note": f"eyJhbGciOiJIUzI1NiJ9.eyJ{MARK}.{MARK}"},
    {"note": f"Bearer eyJhbGciOiJIUzI1NiJ9.eyJ{MARK}.{MARK}"},
    {"note": f"AKS0ce5SL820JKrTr9k8Ztvl5CXglAXf.{MARK * 3}"},
    {"aud": f"AKS0ce5SL820JKrTr9k8Ztvl5CXglAXf.{MARK * 3}"},
    {"iss": {"token": MARK}},
    {"sub": {"secret": MARK}},
]


@pytest.mark.parametrize("secret", SECRETS, ids=str)
async def test_shows_nothing_that_opens_anything(secret: dict[str, Any]) -> None:
    said = await EXPLAINER.explain(token(header=secret, claims=secret))
    assert MARK not in shown(said)
    assert REDACTED in shown(said)


async def test_shows_no_deeper_than_one_reads() -> None:
    deep = b'{"a":' * 100 + b"1" + b"}" * 100
    said = await EXPLAINER.explain(token(claims=deep))
    assert OMITTED in json.dumps(said.claims)


async def test_quotes_no_more_than_one_reads() -> None:
    found = finding(await EXPLAINER.explain(token(claims={"iss": "x" * 5000})), "issuer").found
    assert found is not None
    assert len(found) < 250


def test_the_signature_of_the_samples_is_what_is_looked_for() -> None:
    assert len(decode_base64url(token().rpartition(".")[2].encode())) == 64
