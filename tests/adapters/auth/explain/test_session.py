"""A session cookie is explained with the parts that verify it, and shows no secret."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from backend.adapters.auth.better_auth.custom_claims import with_claims
from backend.adapters.auth.better_auth.tokens import to_principal
from backend.adapters.auth.explain.session import CookieExplainer
from backend.domain.auth import VerifierUnavailableError
from backend.domain.diagnosis import Explanation
from backend.testing.session_cookies import SESSION_TOKEN
from tests.adapters.auth.cookies import (
    FORMATS,
    OLD_SECRET,
    Format,
    compact_cookie,
    cookie_verifier,
    jwe_cookie,
    jwt_cookie,
    session_data,
)
from tests.adapters.auth.explain.explainers import failed_checks, finding_of
from tests.adapters.auth.tokens import ISSUER, NOW, SECRET, token

pytestmark = pytest.mark.anyio

NAME = "better-auth.session_data"
every_format = pytest.mark.parametrize("name", FORMATS)


def explainer(name: str, *, claim_names: Sequence[str] = (), **options: Any) -> CookieExplainer:
    """Make an explainer for cookies of a format. The options are those of the verifier."""
    options |= {"to_principal": with_claims(to_principal, claim_names)}
    decoder = FORMATS[name].decoder()
    return CookieExplainer(
        cookie_verifier(decoder, **options).verify,
        decoder,
        strategy="jwt" if name == "jwks" else name,
        name=NAME,
        claim_names=claim_names,
    )


def output_of(explanation: Explanation) -> str:
    findings = [str(finding) for finding in explanation.findings]
    return json.dumps([explanation.claims, findings])


@every_format
async def test_a_valid_cookie_is_accepted_and_shows_no_secret(name: str) -> None:
    cookie = FORMATS[name].make()
    explanation = await explainer(name).explain(cookie)
    assert explanation.accepted
    assert explanation.credential == "session cookie"
    assert explanation.claims["user"]["email"] == "alice@example.com"
    assert [finding.check for finding in explanation.findings] == ["format", "signature", "session"]
    assert finding_of(explanation, "session").found == (
        'user "user-1", valid until 2027-01-15T08:05:00Z'
    )
    for secret in (cookie, SESSION_TOKEN, SECRET.decode(), cookie[-30:]):
        assert secret not in output_of(explanation)


@every_format
async def test_the_claims_that_the_routes_get_are_shown_without_secrets(name: str) -> None:
    session = {"activeOrganizationId": "org-1", "deviceSecret": SESSION_TOKEN}
    names = ["activeOrganizationId", "plan", "deviceSecret", "team"]
    cookies = explainer(name, claim_names=names)
    content = session_data(session=session, user={"plan": "pro"})
    explanation = await cookies.explain(FORMATS[name].make(content))
    finding = finding_of(explanation, "claims")
    assert (finding.problem, finding.remedy) == (None, None)
    assert finding.found == (
        '{"activeOrganizationId": "org-1", "plan": "pro", "deviceSecret": "(redacted)"};'
        " missing or ignored: team"
    )
    rejected = await cookies.explain(FORMATS[name].make(session_data(user={"banned": True})))
    assert "claims" not in [finding.check for finding in rejected.findings]


@every_format
async def test_an_expired_cookie_shows_both_expiries(name: str) -> None:
    explanation = await explainer(name).explain(FORMATS[name].make(end=NOW - 60))
    assert (explanation.code, explanation.reason) == ("token_expired", "token_expired")
    finding = finding_of(explanation, "session")
    assert "cookie until 2027-01-15T07:59:00Z, session until" in str(finding.found)
    assert "2027-01-22T08:00:00.000Z" in str(finding.found)
    assert "getSession()" in str(finding.remedy)


@pytest.mark.parametrize("make", [compact_cookie, jwt_cookie, jwe_cookie])
async def test_another_secret_is_named_as_the_cause(make: Callable[..., str]) -> None:
    name = make.__name__.removesuffix("_cookie")
    explanation = await explainer(name).explain(make(secret=b"the secret of another server" * 2))
    assert failed_checks(explanation) == ["signature"]
    assert "BETTER_AUTH_SECRET to exactly the text" in str(
        finding_of(explanation, "signature").remedy
    )
    assert explanation.code == "invalid_token"
    assert explanation.claims == {}


@pytest.mark.parametrize(
    ("accepted", "sent"),
    [("compact", "jwe"), ("compact", "jwt"), ("jwt", "jwe"), ("jwe", "compact")],
)
async def test_another_strategy_is_named_with_its_setting(accepted: str, sent: str) -> None:
    explanation = await explainer(accepted).explain(FORMATS[sent].make())
    assert failed_checks(explanation) == ["format"]
    finding = finding_of(explanation, "format")
    assert (finding.found, finding.expected) == (f"strategy {sent}", f"strategy {accepted}")
    assert f"AUTH_COOKIE={sent}" in str(finding.remedy)


async def test_a_banned_user_and_another_version_are_problems_of_the_session() -> None:
    banned = compact_cookie(session_data(user={"banned": True}))
    explanation = await explainer("compact").explain(banned)
    assert (explanation.reason, failed_checks(explanation)) == ("inactive_token", ["session"])
    explanation = await explainer("compact", version="2").explain(compact_cookie())
    assert "AUTH_COOKIE_VERSION" in str(finding_of(explanation, "session").remedy)


async def test_an_outage_of_the_key_set_neither_accepts_nor_rejects_a_cookie() -> None:
    async def decode(_: str) -> Any:
        raise VerifierUnavailableError("no keys")

    cookies = CookieExplainer(cookie_verifier(decode).verify, decode, strategy="jwt", name=NAME)
    explanation = await cookies.explain(FORMATS["jwks"].make())
    assert explanation.code == explanation.reason == "verifier_unavailable"
    assert "AUTH_JWKS_URL" in str(finding_of(explanation, "signature").remedy)


@every_format
def test_a_cookie_is_found_by_its_value_and_in_a_cookie_header(name: str) -> None:
    cookie, cookies = FORMATS[name].make(), explainer(name)
    halves = cookie[:40], cookie[40:]
    for text in (
        cookie,
        f"{NAME}={cookie}",
        f"a=b; __Secure-{NAME}={cookie}; c=d",
        f"{NAME}.1={halves[1]}; {NAME}.0={halves[0]}",
    ):
        assert cookies.find(text) == cookie


@every_format
async def test_a_cookie_with_a_lone_surrogate_is_found_and_accepted(name: str) -> None:
    content = session_data(user={"name": "A\ud83d"})
    if name == "jwks":
        content |= {"iss": ISSUER, "aud": "better-auth:session-cache"}
    if name != "compact":
        content |= {"exp": NOW + 300}
    cookie = FORMATS[name].make(json.dumps(content, separators=(",", ":")).encode())
    assert explainer(name).find(cookie) == cookie
    assert (await explainer(name).explain(cookie)).accepted


@pytest.mark.parametrize("text", [token(), "", "x", "a=b", "e30.e30.", "undefined"])
def test_other_text_is_not_a_session_cookie(text: str) -> None:
    assert explainer("compact").find(text) is None


def test_the_old_secret_is_accepted_for_jwe() -> None:
    cookie: Format = FORMATS["jwe"]
    assert explainer("jwe").find(cookie.make(secret=OLD_SECRET))
