"""An explanation agrees with the verifier, check by check, and contains no secrets."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.adapters.auth.better_auth.custom_claims import with_claims
from backend.adapters.auth.better_auth.tokens import to_principal
from backend.adapters.auth.claims import Claims
from backend.adapters.auth.jose.jwk import VerificationKey
from backend.adapters.auth.jose.jws import decode_base64url
from backend.adapters.auth.redaction.values import OMITTED, REDACTED
from backend.domain.auth import (
    AuthError,
    InactiveTokenError,
    Principal,
    VerifierUnavailableError,
)
from backend.domain.diagnosis import Explanation
from backend.testing.encoding import ABSENT, b64, to_json
from backend.testing.signers import signer
from tests.adapters.auth.explain.explainers import (
    JWKS_URL,
    failed_checks,
    finding_of,
    make_explainer,
    make_explainer_and_verifier,
)
from tests.adapters.auth.tokens import ISSUER, NOW, SECRET, secret_signer, token

pytestmark = pytest.mark.anyio

MARK = "never-to-be-shown"
CHECKS = [
    *("format", "header", "signature", "payload", "subject", "issuer", "audience", "times", "user")
]
KEYS = [signer("EdDSA"), signer("ES256", "2"), signer("RS256", "3")]
EXPLAINER, VERIFIER = make_explainer_and_verifier(*KEYS, secrets=[SECRET], max_lifetime=7200)

signers = st.sampled_from([*KEYS, secret_signer(), secret_signer(b"another issuer's" * 2)])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
json_values = st.recursive(
    scalars | st.sampled_from([ABSENT, ISSUER, f"{ISSUER}/", "key-1", "JWT", "at+jwt", NOW, "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def without_absent(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_absent(v) for k, v in value.items() if v is not ABSENT}
    if isinstance(value, list):
        return [without_absent(item) for item in value if item is not ABSENT]
    return value


members = json_values.map(lambda value: value if value is ABSENT else without_absent(value))
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
    """Tokens that are valid, that have invalid parts, or that were changed in transit."""
    by = draw(signers)
    changes = draw(st.integers(0, 7))
    header = draw(headers) if changes & 1 else {}
    payload = draw(claims) if changes & 2 else {}
    try:
        text = token(by, header=header, claims=payload)
    except (UnicodeEncodeError, ValueError):  # a lone surrogate
        text = token(by)
    if changes & 4:
        index = draw(st.integers(0, len(text)))
        text = text[:index] + draw(st.text(max_size=2)) + text[index + draw(st.integers(0, 2)) :]
    return text


def output_of(explanation: Explanation) -> str:
    findings = [str(finding) for finding in explanation.findings]
    return json.dumps(
        [explanation.header, explanation.claims, findings, explanation.code, explanation.reason]
    )


async def explain_and_verify(text: str) -> tuple[Explanation, tuple[str, str, str] | None]:
    """Return the explanation, and the verifier's code, reason and message if it rejects."""
    explanation = await EXPLAINER.explain(text)
    try:
        await VERIFIER.verify(text)
    except AuthError as error:
        return explanation, (error.code, error.reason, str(error))
    return explanation, None


def assert_agrees(text: str) -> None:
    explanation, rejection = asyncio.run(explain_and_verify(text))
    assert explanation.accepted is (rejection is None)
    problems = [finding.problem for finding in explanation.findings if finding.problem is not None]
    actual = (explanation.code, explanation.reason, *problems[:1])
    assert actual == (rejection or (None, None))
    signature = text.rpartition(".")[2]
    for secret in (text, SECRET.decode(), *([signature] if len(signature) > 20 else [])):
        assert secret not in output_of(explanation)


@given(tokens())
def test_agrees_with_the_verifier_on_every_token_and_contains_no_secret(text: str) -> None:
    assert_agrees(text)


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: f"{b64(data)}.e30.AAAA"))
def test_explains_any_text(text: str) -> None:
    explanation = asyncio.run(EXPLAINER.explain(text))
    assert not explanation.accepted
    assert explanation.code == "invalid_token"


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
def test_unusual_json_does_not_stop_an_explanation(payload: bytes, place: str) -> None:
    parts = {"header": to_json({"alg": "EdDSA", "kid": "key-1"}), "claims": b"{}", place: payload}
    text = token(header=parts["header"], claims=parts["claims"])
    assert_agrees(text)


async def test_a_valid_token_passes_every_check() -> None:
    explanation = await EXPLAINER.explain(token())
    assert [finding.check for finding in explanation.findings] == CHECKS
    assert explanation.accepted
    assert explanation.header == {"alg": "EdDSA", "kid": "key-1"}
    assert explanation.claims["email"] == "alice@example.com"


async def test_continues_after_the_first_failed_check() -> None:
    invalid = {"sub": 1, "iss": "x", "aud": "y", "exp": NOW - 3600, "banned": True}
    text = token(signer("EdDSA", "unknown"), claims=invalid)
    explanation = await EXPLAINER.explain(text)
    assert failed_checks(explanation) == [
        "signature",
        "subject",
        "issuer",
        "audience",
        "times",
        "user",
    ]
    assert (explanation.code, explanation.reason) == ("invalid_token", "unknown_key")


async def test_expiry_has_its_own_code() -> None:
    explanation = await EXPLAINER.explain(token(claims={"iat": NOW - 4000, "exp": NOW - 3600}))
    assert failed_checks(explanation) == ["times"]
    assert (explanation.code, explanation.reason) == ("token_expired", "token_expired")


async def test_checks_that_need_an_invalid_part_do_not_run() -> None:
    explanation = await EXPLAINER.explain(token(header={"kid": ["a"]}, claims=b"[]"))
    assert failed_checks(explanation) == ["header", "payload"]
    unchecked = {
        finding.check: finding.found for finding in explanation.findings if not finding.checked
    }
    claims = ("subject", "issuer", "audience", "times", "user")
    assert unchecked == {
        "signature": "the header is invalid",
        **dict.fromkeys(claims, "the payload is invalid"),
    }


async def test_failed_checks_have_found_and_expected_values() -> None:
    text = token(signer("EdDSA", "other"), claims={"iss": "x", "aud": ["y"], "exp": NOW - 60})
    explanation = await EXPLAINER.explain(text)
    values = {
        finding.check: (finding.found, finding.expected)
        for finding in explanation.findings
        if finding.problem
    }
    assert values == {
        "signature": (
            '"EdDSA" by key "other"',
            f"HS256 by the shared secret or a key of {JWKS_URL}",
        ),
        "issuer": ('"x"', f'"{ISSUER}"'),
        "audience": ('["y"]', f'"{ISSUER}"'),
        "times": (
            "iat 2027-01-15T07:59:00Z, exp 2027-01-15T07:59:00Z",
            "valid at 2027-01-15T08:00:00Z, with a leeway of 10 s",
        ),
    }


async def test_a_secret_for_cookies_is_not_expected_of_a_token() -> None:
    explainer = make_explainer(
        secrets=[SECRET], cookies="jwe", cookies_only=True, algorithms=["EdDSA"]
    )
    explanation = await explainer.explain(token(secret_signer()))
    finding = finding_of(explanation, "signature")
    assert finding.expected == f"a key of {JWKS_URL}"


async def test_missing_values_are_stated() -> None:
    explainer = make_explainer(
        issuers=frozenset(), audiences=frozenset(), secrets=[SECRET], jwks=False
    )
    absent = {"iss": ABSENT, "iat": ABSENT, "exp": ABSENT}
    explanation = await explainer.explain(
        token(secret_signer(b"another secret" * 3), claims=absent)
    )
    assert finding_of(explanation, "issuer").found == "none"
    assert finding_of(explanation, "audience").expected == "no audience"
    assert finding_of(explanation, "times").found == "none"
    assert finding_of(explanation, "signature").found == '"HS256"'
    assert finding_of(explanation, "signature").expected == "HS256 by the shared secret"


def principal_of_account(claims: Claims, expires_at: float) -> Principal:
    """Map the claims of an issuer that is not Better Auth."""
    if not claims["active"]:
        raise InactiveTokenError("the account is not active")
    return Principal(claims["sub"].lower(), expires_at)


@pytest.mark.parametrize(
    ("claims", "problem"),
    [
        ({"active": True, "email": 1, "banned": True}, None),
        ({"active": False}, "the account is not active"),
    ],
)
async def test_maps_claims_as_the_verifier_does(
    claims: dict[str, Any], problem: str | None
) -> None:
    explainer, verifier = make_explainer_and_verifier(to_principal=principal_of_account)
    explanation = await explainer.explain(token(claims=claims))
    assert finding_of(explanation, "user").problem == problem
    if problem is None:
        assert (await verifier.verify(token(claims=claims))).user_id == "user-1"
    else:
        with pytest.raises(InactiveTokenError):
            await verifier.verify(token(claims=claims))


async def test_the_claims_that_the_routes_get_are_shown_without_secrets() -> None:
    names = ["plan", "apiToken", "limits", "activeOrganizationId"]
    explainer = make_explainer(claim_names=names, to_principal=with_claims(to_principal, names))
    text = token(claims={"plan": "pro", "apiToken": MARK, "limits": {"todos": [1]}, "other": 1})
    finding = finding_of(await explainer.explain(text), "claims")
    assert finding.problem is None
    assert finding.found == (
        '{"plan": "pro", "apiToken": "(redacted)", "limits": {"todos": [1]}};'
        " missing or ignored: activeOrganizationId"
    )
    assert "definePayload" in str(finding.remedy)
    complete = token(claims={**dict.fromkeys(names, 1)})
    assert finding_of(await explainer.explain(complete), "claims").remedy is None


async def test_claims_are_explained_only_for_users_and_only_if_some_are_chosen() -> None:
    names = ["plan"]
    explainer = make_explainer(claim_names=names, to_principal=with_claims(to_principal, names))
    for text in (token(claims={"banned": True}), token(claims=b"[]")):
        explanation = await explainer.explain(text)
        assert "claims" not in [finding.check for finding in explanation.findings]
    explanation = await EXPLAINER.explain(token(claims={"plan": "pro"}))
    assert "claims" not in [finding.check for finding in explanation.findings]


@pytest.mark.parametrize("subject", [ABSENT, 42, None, ["user-1"]])
async def test_a_mapping_gets_a_subject_even_if_the_token_has_no_subject(subject: object) -> None:
    explainer = make_explainer(to_principal=principal_of_account)
    explanation = await explainer.explain(token(claims={"sub": subject, "active": True}))
    assert failed_checks(explanation) == ["subject"]


class NoKeys:
    """A key source whose issuer is unreachable."""

    def known(self, algorithm: str, kid: str | None, /) -> Sequence[VerificationKey]:
        return ()

    async def find(self, algorithm: str, kid: str | None, /) -> Sequence[VerificationKey]:
        raise VerifierUnavailableError("the issuer's keys are unavailable: HTTP 404")

    async def recheck(self) -> bool:
        return False


async def test_an_outage_neither_accepts_nor_rejects_a_token() -> None:
    explainer = make_explainer(source=NoKeys())
    explanation = await explainer.explain(token(claims={"iss": "x"}))
    assert (explanation.code, explanation.reason) == (
        "verifier_unavailable",
        "verifier_unavailable",
    )
    assert failed_checks(explanation) == ["signature", "issuer"]
    assert not explanation.accepted


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
async def test_secrets_are_redacted(secret: dict[str, Any]) -> None:
    explanation = await EXPLAINER.explain(token(header=secret, claims=secret))
    assert MARK not in output_of(explanation)
    assert REDACTED in output_of(explanation)


@pytest.mark.parametrize("name", ["otp", "code", "jwt", "x5t", "note", "https://x.example/y"])
async def test_a_long_random_string_is_redacted_in_header_and_claims(name: str) -> None:
    secret = "AKS0ce5SL820JKrTr9k8Ztvl5CXglAXf"
    for value in (secret, [secret], {"a": {"b": secret}}, f"see {secret}", {secret: 1}):
        text = token(header={name: value}, claims={name: value, "exp": value})
        assert secret not in output_of(await EXPLAINER.explain(text))


async def test_identifiers_of_better_auth_stay_readable() -> None:
    identifier = "AKS0ce5SL820JKrTr9k8Ztvl5CXglAXf"
    text = token(header={"kid": identifier}, claims={"sub": identifier, "aud": identifier})
    explanation = await EXPLAINER.explain(text)
    assert explanation.claims["sub"] == explanation.header["kid"] == identifier
    assert finding_of(explanation, "subject").found == f'"{identifier}"'
    assert finding_of(explanation, "audience").found == f'"{identifier}"'
    assert identifier in str(finding_of(explanation, "signature").found)


async def test_deeply_nested_claims_are_omitted() -> None:
    deep = b'{"a":' * 100 + b"1" + b"}" * 100
    explanation = await EXPLAINER.explain(token(claims=deep))
    assert OMITTED in json.dumps(explanation.claims)


async def test_long_values_are_cut() -> None:
    found = finding_of(await EXPLAINER.explain(token(claims={"iss": "x" * 5000})), "issuer").found
    assert found is not None
    assert len(found) < 250


def test_the_last_segment_of_a_sample_token_is_its_signature() -> None:
    assert len(decode_base64url(token().rpartition(".")[2].encode())) == 64
