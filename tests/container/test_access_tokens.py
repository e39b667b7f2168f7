"""`AUTH_RESOURCE`: OAuth access tokens and the tokens of `/token`, each with their own rules."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from backend.adapters.auth.jwks.keys import JwksKeys
from backend.adapters.auth.token_types import TypedTokenVerifier
from backend.container.authentication import AuthContainer
from backend.container.inspection import InspectionContainer
from backend.domain.auth import (
    AuthError,
    InvalidAlgorithmError,
    InvalidAudienceError,
    InvalidIssuerError,
    MissingClaimError,
    UnsupportedTokenError,
)
from backend.domain.diagnosis import Finding
from backend.settings import Settings
from backend.testing import Issuer
from backend.testing.encoding import ABSENT
from backend.testing.issuer import RESOURCE, SECRET
from backend.testing.signers import secret_signer
from backend.testing.tokens import access_token_claims, sign_token
from tests.testing.verifiers import bearer_verifier, opened

pytestmark = pytest.mark.anyio


async def outcome(issuer: Issuer, token: str, **settings: Any) -> str | type[AuthError]:
    """Return the user of a token, or the class of the error."""
    async with bearer_verifier(issuer, auth_resource=RESOURCE, **settings) as verifier:
        try:
            return (await verifier.verify(token)).user_id
        except AuthError as error:
            return type(error)


def signed(issuer: Issuer, typ: object, **claims: Any) -> str:
    """Sign the claims of an access token with any type."""
    claims = {"iss": issuer.oauth_issuer, "aud": RESOURCE, **claims}
    valid = access_token_claims("todos:read", now=issuer._clock(), **claims)  # the same time
    return sign_token(issuer.signer, valid, header={"typ": typ})


async def test_both_kinds_of_tokens_are_accepted_with_one_key_set(issuer: Issuer) -> None:
    async with bearer_verifier(issuer, auth_resource=RESOURCE) as verifier:
        assert (await verifier.verify(issuer.token(sub="ada"))).scopes == set()
        ada = await verifier.verify(issuer.access_token("todos:read openid", sub="ada"))
    assert ada.user_id == "ada"
    assert ada.scopes == {"todos:read", "openid"}
    assert issuer.fetches == 1


async def test_the_audience_may_be_a_list_with_the_address_of_userinfo(issuer: Issuer) -> None:
    audience = [RESOURCE, f"{issuer.oauth_issuer}/oauth2/userinfo"]
    assert await outcome(issuer, issuer.access_token("openid", sub="ada", aud=audience)) == "ada"


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt"])
async def test_the_type_of_an_access_token_may_be_written_in_any_way(
    issuer: Issuer, typ: str
) -> None:
    assert await outcome(issuer, signed(issuer, typ, sub="ada")) == "ada"


async def test_an_access_token_needs_the_issuer_and_audience_of_access_tokens(
    issuer: Issuer,
) -> None:
    origin = issuer.url
    refused: list[tuple[dict[str, Any], type[AuthError]]] = [
        ({"iss": origin}, InvalidIssuerError),
        ({"iss": origin, "aud": origin}, InvalidIssuerError),
        ({"aud": origin}, InvalidAudienceError),
        ({"aud": f"{RESOURCE}/"}, InvalidAudienceError),
        ({"aud": "client-1"}, InvalidAudienceError),
        ({"aud": ABSENT}, MissingClaimError),
        ({"iss": ABSENT}, MissingClaimError),
    ]
    for claims, expected in refused:
        assert await outcome(issuer, issuer.access_token("openid", **claims)) is expected


async def test_another_token_needs_the_issuer_and_audience_of_the_token_route(
    issuer: Issuer,
) -> None:
    for claims, expected in [
        ({"aud": RESOURCE}, InvalidAudienceError),
        ({"iss": issuer.oauth_issuer}, InvalidIssuerError),
        ({"iss": issuer.oauth_issuer, "aud": RESOURCE}, InvalidIssuerError),
    ]:
        assert await outcome(issuer, issuer.token(**claims)) is expected


@pytest.mark.parametrize("typ", [ABSENT, "JWT", "id+jwt", "logout+jwt", "", "at+jwt ", 1, None])
async def test_only_the_type_makes_an_access_token(issuer: Issuer, typ: object) -> None:
    expected = InvalidIssuerError if typ in {ABSENT, "JWT"} else UnsupportedTokenError
    assert await outcome(issuer, signed(issuer, typ)) is expected


async def test_a_long_header_does_not_hide_the_type(issuer: Issuer) -> None:
    claims = access_token_claims("openid", now=issuer._clock(), iss=issuer.url, aud=issuer.url)
    header = {"typ": "at+jwt", "x": "x" * 2000}
    text = sign_token(issuer.signer, claims, header=header)
    assert await outcome(issuer, text) is UnsupportedTokenError


async def test_the_secret_does_not_sign_access_tokens(issuer: Issuer) -> None:
    claims = {"iss": issuer.oauth_issuer, "aud": RESOURCE}
    valid = access_token_claims("todos:read", now=issuer._clock(), **claims)
    text = sign_token(secret_signer(SECRET.encode()), valid, header={"typ": "at+jwt"})
    assert await outcome(issuer, text, better_auth_secret=SECRET) is InvalidAlgorithmError


async def test_the_base_path_is_part_of_the_issuer(issuer: Issuer) -> None:
    settings = {
        "better_auth_url": f"{issuer.url}/sign/in/",
        "auth_jwks_url": f"{issuer.url}/api/auth/jwks",
    }
    for iss, expected in [
        (f"{issuer.url}/sign/in", "ada"),
        (issuer.oauth_issuer, InvalidIssuerError),
    ]:
        token = issuer.access_token("openid", sub="ada", iss=iss)
        assert await outcome(issuer, token, **settings) == expected


async def test_a_custom_issuer_is_the_issuer_of_both_kinds(issuer: Issuer) -> None:
    custom = "https://id.example.com"
    for token in (issuer.token(sub="ada", iss=custom), signed(issuer, "at+jwt", iss=custom)):
        assert await outcome(issuer, token, auth_issuer=[custom]) in {"ada", "user-1"}
    for token in (issuer.token(), issuer.access_token("openid")):
        assert await outcome(issuer, token, auth_issuer=[custom]) is InvalidIssuerError


async def test_nothing_is_added_without_a_resource(issuer: Issuer) -> None:
    async with opened(issuer.settings()) as container:
        assert container.access_token_rules() is None
        assert container.uncached_verifier() is container.jwt_verifier()
    settings = issuer.settings(auth_resource=RESOURCE)
    container = AuthContainer(settings=settings)
    assert isinstance(container.uncached_verifier(), TypedTokenVerifier)
    assert isinstance(container.jwks_keys(), JwksKeys)


@asynccontextmanager
async def opened_parts(container: InspectionContainer) -> AsyncIterator[None]:
    keys = container.jwks_keys()
    assert keys is not None
    async with keys:
        yield


async def test_explain_applies_the_rules_of_the_type(issuer: Issuer) -> None:
    settings = Settings.load(better_auth_url=issuer.url, auth_resource=RESOURCE)
    container = InspectionContainer(settings=settings)

    async def explain(token: str) -> tuple[bool, dict[str, Finding]]:
        explanation = await container.token_explainer().explain(token)
        return explanation.accepted, {finding.check: finding for finding in explanation.findings}

    async with opened_parts(container):
        accepted, findings = await explain(issuer.access_token("openid", sub="ada"))
        assert accepted
        assert findings["header"].found == "at+jwt: an OAuth access token"
        assert (await explain(issuer.token()))[0]

        accepted, findings = await explain(issuer.access_token("openid", aud="https://x.example"))
        assert not accepted
        assert findings["audience"].expected == f'"{RESOURCE}"'
        assert "request the `resource`" in (findings["audience"].remedy or "")

        accepted, findings = await explain(issuer.access_token("openid", sub="client-1"))
        assert not accepted
        assert "AUTH_MACHINE_TOKENS=on" in (findings["user"].remedy or "")

        accepted, findings = await explain(issuer.token(iss=issuer.oauth_issuer, aud="client-1"))
        assert not accepted
        assert "ID token" in (findings["issuer"].remedy or "")


async def test_explain_names_an_accepted_machine(issuer: Issuer) -> None:
    values: dict[str, Any] = {"auth_resource": RESOURCE, "auth_machine_tokens": True}
    container = InspectionContainer(settings=Settings.load(better_auth_url=issuer.url, **values))
    async with opened_parts(container):
        token = issuer.access_token("openid", sub="client-1")
        explanation = await container.token_explainer().explain(token)
    assert explanation.accepted
    assert explanation.findings[-1].found == 'the machine "client-1"'


@pytest.mark.parametrize("resource", [None, RESOURCE])
async def test_doctor_says_which_access_tokens_are_accepted(
    issuer: Issuer, resource: str | None
) -> None:
    settings = Settings.load(better_auth_url=issuer.url, auth_resource=resource)
    findings = await InspectionContainer(settings=settings).diagnose_issuer()
    found = [item.found or "" for item in findings if "OAuth" in item.check]
    assert len(found) == (1 if resource else 0)
    for text in found:
        assert f'"{issuer.oauth_issuer}"' in text
        assert f'"{RESOURCE}"' in text
