"""Remedies for tokens and metadata of an OpenID Connect issuer. They never name Better Auth."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx2
import pytest

from backend.adapters.auth.claims import ClaimsPolicy
from backend.adapters.auth.explain import advice
from backend.adapters.auth.explain.issuer import diagnose_issuer
from backend.adapters.auth.explain.malformed import malformed_oidc_remedy
from backend.adapters.auth.explain.token import TokenExplainer
from backend.adapters.auth.jose.jwk import ASYMMETRIC_ALGORITHMS
from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from backend.adapters.auth.jwks.key_set import read_key_set
from backend.adapters.auth.oidc.claims import ClaimMapping, principal_mapping
from backend.adapters.auth.pyjwt import SignedTokens
from backend.domain.diagnosis import Finding
from backend.testing.encoding import ABSENT
from backend.testing.signers import key_set, signer
from tests.adapters.auth.explain.explainers import finding_of
from tests.adapters.auth.tokens import NOW, secret_signer, token
from tests.adapters.auth.verifiers import FixedKeys

pytestmark = pytest.mark.anyio

ISSUER = "https://id.example.com/"
METADATA_URL = f"{ISSUER}.well-known/openid-configuration"
KEYS_URL = "https://keys.example.net/set"
FOR_API = {"iss": ISSUER, "aud": "todo-api"}


def explainer(*, audience_claim: str = "aud", **mapping: str) -> TokenExplainer:
    source = FixedKeys(read_key_set(key_set(signer("RS256"), signer("ES256", "key-2"))))
    return TokenExplainer(
        SignedTokens(dict.fromkeys(ASYMMETRIC_ALGORITHMS, source)),
        policy=ClaimsPolicy(
            issuers=frozenset({ISSUER}),
            audiences=frozenset({"todo-api"}),
            audience_claim=audience_claim,
            max_lifetime=3600,
        ),
        to_principal=principal_mapping(ClaimMapping(**mapping), ["plan"]),
        has_secret=False,
        jwks_url=METADATA_URL,
        claim_names=["plan"],
        advice=advice.OIDC,
        clock=lambda: NOW,
    )


async def test_a_valid_token_is_accepted_and_missing_claims_have_a_remedy() -> None:
    explanation = await explainer().explain(token(signer("RS256"), claims=FOR_API))
    assert explanation.accepted
    remedy = finding_of(explanation, "claims").remedy
    assert remedy is not None
    assert "ID tokens" in remedy


MISTAKES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("issuer", {"iss": "https://id.example.com"}, {}, "Set OIDC_ISSUER=https://id.example.com,"),
    ("issuer", {"iss": "https://sts.windows.net/tenant/"}, {}, "requestedAccessTokenVersion"),
    ("issuer", {"iss": "https://id.example.org/"}, {}, "OIDC_ISSUER=https://id.example.org/"),
    ("issuer", {"iss": 1}, {}, "must be a string"),
    ("issuer", {"iss": ABSENT}, {}, "Let the issuer add `iss`"),
    ("audience", {"aud": "other"}, {}, "AUTH_AUDIENCE"),
    ("audience", {"aud": "todo-api/"}, {}, "trailing slash"),
    ("audience", {"aud": ABSENT}, {}, "OIDC_CLAIM_AUDIENCE"),
    ("subject", {"sub": ABSENT}, {}, "client scope `basic`"),
    ("subject", {"sub": 1}, {}, "Fix `sub`"),
    ("subject", {"cnf": {"jkt": "x"}}, {}, "DPoP"),
    ("times", {"exp": str(NOW)}, {}, "must be numbers"),
    ("times", {"exp": NOW - 60}, {}, "refresh token"),
    ("times", {"iat": NOW + 60}, {}, "NTP"),
    ("times", {"iat": ABSENT}, {}, "AUTH_MAX_LIFETIME needs `iat`"),
    ("times", {"exp": NOW + 9000}, {}, "AUTH_MAX_LIFETIME allows 3600 s"),
    ("user", {"typ": "ID"}, {}, "ID token"),
    ("user", {}, {"user_id": "oid"}, "OIDC_CLAIM_USER_ID"),
]


@pytest.mark.parametrize(("check", "claims", "mapping", "words"), MISTAKES)
async def test_every_mistake_has_a_remedy(
    check: str, claims: dict[str, Any], mapping: dict[str, Any], words: str
) -> None:
    text = token(signer("RS256"), claims={**FOR_API, **claims})
    finding = finding_of(await explainer(**mapping).explain(text), check)
    assert finding.problem
    assert words in str(finding.remedy)
    assert "Better Auth" not in str(finding.remedy)


async def test_a_token_that_is_bound_to_a_key_does_not_fail_because_of_its_user() -> None:
    text = token(signer("RS256"), claims={**FOR_API, "cnf": {"jkt": "x"}})
    assert finding_of(await explainer().explain(text), "subject").found is None


async def test_the_audience_is_read_from_the_configured_claim() -> None:
    text = token(signer("RS256"), claims={**FOR_API, "aud": ABSENT, "client_id": "other"})
    finding = finding_of(await explainer(audience_claim="client_id").explain(text), "audience")
    assert (finding.found, finding.expected) == ('"other"', '"todo-api"')


HEADERS: list[tuple[Any, dict[str, Any], str, str]] = [
    (secret_signer(), {}, "signature", "Keycloak"),
    (signer("RS256"), {"alg": "ES384"}, "signature", "AUTH_ALGORITHMS"),
    (signer("RS256", "key-9"), {}, "signature", "Another issuer or another tenant"),
    (signer("RS256", "key-9"), {"kid": "key-1"}, "signature", "Microsoft Graph"),
    (signer("RS256"), {"typ": "logout+jwt"}, "header", "logout"),
]


@pytest.mark.parametrize(("by", "header", "check", "words"), HEADERS)
async def test_every_wrong_signature_has_a_remedy(
    by: Any, header: dict[str, Any], check: str, words: str
) -> None:
    text = token(by, claims=FOR_API, header=header)
    finding = finding_of(await explainer().explain(text), check)
    assert words in str(finding.remedy)
    assert "Better Auth" not in str(finding.remedy)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("undefined", "placeholder"),
        ('{"access_token":"x"}', "`access_token`"),
        ("Bearer x", "no `Bearer`"),
        ("a.b.c.d.e", "encrypted"),
        ("ya29.a0AfH6SMBx"[:4], "opaque"),
        ("x" * 40, "names an audience"),
        ("aGk.aGk.aGk", "was changed"),
        ("aGk.aGk", "cut short"),
        ("\u00e9", "ASCII"),
        (f"aGk.{'a' * 20_000}.aGk", "AUTH_TOKEN_MAX_BYTES"),
    ],
)
def test_text_that_is_not_a_token_has_a_remedy(text: str, words: str) -> None:
    remedy = malformed_oidc_remedy(text)
    assert words in remedy
    assert "Better Auth" not in remedy


@pytest.mark.parametrize("kind", FetchErrorKind)
@pytest.mark.parametrize("status", [None, 401, 403, 404, 429, 503])
def test_every_failed_fetch_has_a_remedy(kind: FetchErrorKind, status: int | None) -> None:
    remedy = advice.OIDC.fetches.remedy(FetchError("x", kind=kind, status=status))
    assert len(remedy) > 30
    assert "Better Auth" not in remedy
    assert "BETTER_AUTH" not in remedy


Answers = Mapping[str, bytes | int | str]


def answer(answers: Answers) -> Callable[[httpx2.Request], httpx2.Response]:
    """Return a server with a document, a status code or a redirect at each URL."""

    def handle(request: httpx2.Request) -> httpx2.Response:
        found = answers.get(str(request.url), 404)
        if isinstance(found, str):
            return httpx2.Response(302, headers={"Location": found})
        if isinstance(found, int):
            return httpx2.Response(found)

        async def body() -> Any:
            yield found

        return httpx2.Response(200, content=body())

    return handle


def metadata(**changes: Any) -> bytes:
    return json.dumps({"issuer": ISSUER, "jwks_uri": KEYS_URL, **changes}).encode()


async def diagnose(answers: Answers) -> list[Finding]:
    client = httpx2.AsyncClient(transport=httpx2.MockTransport(answer(answers)))
    async with asyncio.timeout(10):
        return await diagnose_issuer(
            client, METADATA_URL, has_secret=False, metadata_issuer=ISSUER, advice=advice.OIDC
        )


async def test_doctor_shows_the_key_set_that_the_metadata_name() -> None:
    found = await diagnose({METADATA_URL: metadata(), KEYS_URL: key_set(signer("RS256"))})
    assert found[0].found == f"{METADATA_URL} names the key set {KEYS_URL}"
    assert f"1 usable at {KEYS_URL}" in str(found[1].found)


@pytest.mark.parametrize(
    ("answers", "problem", "remedy"),
    [
        ({}, f"HTTP 404, from {METADATA_URL}", "followed by /.well-known/openid-configuration"),
        (
            {METADATA_URL: "https://www.example.com/x"},
            f"HTTP 302, from {METADATA_URL}",
            'redirects to "https://www.example.com/x"',
        ),
        (
            {METADATA_URL: metadata(issuer="https://id.example.com")},
            "`issuer` is not OIDC_ISSUER",
            'of the issuer "https://id.example.com"',
        ),
        ({METADATA_URL: b"<!doctype html>"}, "not strict JSON", "web page"),
        ({METADATA_URL: metadata(jwks_uri="http://keys")}, "neither https", "must be an https URL"),
        ({METADATA_URL: metadata(jwks_uri="https://[::1")}, "not a URL", "set AUTH_JWKS_URL"),
        ({METADATA_URL: metadata()}, f"HTTP 404, from {KEYS_URL}", "AUTH_JWKS_URL"),
        ({METADATA_URL: metadata(), KEYS_URL: 503}, f"HTTP 503, from {KEYS_URL}", "issuer"),
        ({METADATA_URL: metadata(), KEYS_URL: b"<html>"}, f"from {KEYS_URL}", "web page"),
        ({METADATA_URL: metadata(), KEYS_URL: key_set()}, "is empty", "signing key"),
    ],
)
async def test_doctor_explains_a_failed_discovery(
    answers: Answers, problem: str, remedy: str
) -> None:
    findings = await diagnose(answers)
    (finding,) = (item for item in findings if item.check == "keys")
    assert problem in str(finding.problem)
    assert remedy in str(finding.remedy)
    assert "Better Auth" not in str(finding)
