"""Tokens as seven providers issue them: the settings that accept them, and who the caller is.

The shapes are those of each provider's documentation. The keys and the times are of this test.
"""

import functools
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from backend.container.inspection import InspectionContainer
from backend.domain.auth import (
    AuthError,
    InvalidAlgorithmError,
    InvalidAudienceError,
    InvalidIssuerError,
    InvalidSignatureError,
    MissingClaimError,
    Principal,
    UnknownKeyError,
    UnsupportedTokenError,
)
from backend.settings import Settings
from backend.testing.encoding import ABSENT, drop_absent
from backend.testing.signers import key_set, signer
from backend.testing.tokens import sign_token
from tests.adapters.auth.tokens import NOW, secret_signer
from tests.documents import table_rows

pytestmark = pytest.mark.anyio

END = NOW + 300
TIMES = {"iat": NOW - 60, "exp": END}
ENCRYPTION_KEY = signer("RS256", "enc").jwk(alg="RSA-OAEP", use="enc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A provider.

    Attributes:
        settings: The settings that accept its tokens.
        keys_url: The URL of its key set, which its metadata name.
        claims: The claims of a token for the API, without times.
        principal: The caller.
        refused: Changes of the claims that make other tokens of the provider, and their errors.
        header: Further members of the header.
        algorithm: The algorithm of its keys.
    """

    settings: Mapping[str, str]
    keys_url: str
    claims: Mapping[str, Any]
    principal: Principal
    refused: list[tuple[Mapping[str, Any], type[AuthError]]]
    header: Mapping[str, Any] = field(default_factory=lambda: {"typ": "JWT"})
    algorithm: str = "RS256"


principal = functools.partial(Principal, expires_at=END)

# https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles
AUTH0 = Provider(
    settings={
        "oidc_issuer": "https://my-domain.auth0.com/",
        "auth_audience": "https://todos.example.com/",
        "oidc_claim_email": "https://todos.example.com/email",
        "oidc_claim_roles": "https://todos.example.com/roles",
        "oidc_claim_scopes": "permissions",
    },
    keys_url="https://my-domain.auth0.com/.well-known/jwks.json",
    claims={
        "iss": "https://my-domain.auth0.com/",
        "sub": "auth0|123456",
        "aud": ["https://todos.example.com/", "https://my-domain.auth0.com/userinfo"],
        "azp": "my_client_id",
        "scope": "openid profile todos:read",
        "permissions": ["todos:read"],
        "https://todos.example.com/email": "ada@example.com",
        "https://todos.example.com/roles": ["admin"],
    },
    principal=principal(
        "auth0|123456",
        email="ada@example.com",
        roles=frozenset({"admin"}),
        scopes=frozenset({"todos:read"}),
    ),
    refused=[
        # https://auth0.com/docs/secure/tokens/id-tokens/id-token-structure
        ({"aud": "my_client_id"}, InvalidAudienceError),
        ({"iss": "https://my-domain.auth0.com"}, InvalidIssuerError),
    ],
    header={"typ": "at+jwt"},
)

# https://www.keycloak.org/docs/latest/server_admin/#_oidc-token-role-mappings
KEYCLOAK = Provider(
    settings={
        "oidc_issuer": "https://id.example.com/realms/main",
        "auth_audience": "todo-api",
        "oidc_claim_roles": "/realm_access/roles",
    },
    keys_url="https://id.example.com/realms/main/protocol/openid-connect/certs",
    claims={
        "jti": "onrtac:d58f5dc8-fd8f-462b-8a19-716f8f83985b",
        "iss": "https://id.example.com/realms/main",
        "aud": ["todo-api", "account"],
        "sub": "36fa0f91-f94d-4a0c-afed-6b7d952e47da",
        "typ": "Bearer",
        "azp": "web",
        "sid": "2a88c258-f73a-4103-b862-e1fbd8f4e04e",
        "acr": "1",
        "allowed-origins": ["https://app.example.com"],
        "realm_access": {"roles": ["default-roles-main", "admin"]},
        "resource_access": {"account": {"roles": ["manage-account"]}},
        "scope": "email profile todos:read",
        "email_verified": True,
        "name": "Ada Lovelace",
        "preferred_username": "ada",
        "email": "ada@example.com",
    },
    principal=principal(
        "36fa0f91-f94d-4a0c-afed-6b7d952e47da",
        email="ada@example.com",
        name="Ada Lovelace",
        roles=frozenset({"default-roles-main", "admin"}),
        scopes=frozenset({"email", "profile", "todos:read"}),
        email_verified=True,
    ),
    refused=[
        ({"aud": "account"}, InvalidAudienceError),
        ({"iss": "https://id.example.com/realms/other"}, InvalidIssuerError),
        ({"sub": ABSENT}, MissingClaimError),  # a lightweight token
        ({"typ": "ID"}, UnsupportedTokenError),
        ({"typ": "Refresh"}, UnsupportedTokenError),
        ({"typ": "Logout", "events": {}}, UnsupportedTokenError),
    ],
)

# https://clerk.com/docs/guides/sessions/session-tokens
CLERK = Provider(
    settings={
        "oidc_issuer": "https://clerk.example.com",
        "auth_audience": "https://app.example.com",
        "oidc_claim_audience": "azp",
        "oidc_claim_roles": "/o/rol",
        "auth_claims": "/o/id",
    },
    keys_url="https://clerk.example.com/.well-known/jwks.json",
    claims={
        "azp": "https://app.example.com",
        "fva": [7, -1],
        "iss": "https://clerk.example.com",
        "nbf": NOW - 70,
        "sid": "sess_123",
        "sts": "active",
        "sub": "user_123",
        "v": 2,
        "o": {"id": "org_123", "rol": "admin", "slg": "main"},
    },
    principal=principal("user_123", roles=frozenset({"admin"}), claims={"/o/id": "org_123"}),
    refused=[
        ({"azp": "https://evil.example.com"}, InvalidAudienceError),
        ({"azp": ABSENT}, MissingClaimError),
        ({"aud": "https://other-api.example.com"}, InvalidAudienceError),  # a custom template
    ],
)

# https://supabase.com/docs/guides/auth/jwt-fields
SUPABASE = Provider(
    settings={
        "oidc_issuer": "https://project-ref.supabase.co/auth/v1",
        "auth_audience": "authenticated",
        "oidc_claim_name": "/user_metadata/name",
        "oidc_claim_roles": "/app_metadata/roles",
    },
    keys_url="https://project-ref.supabase.co/auth/v1/.well-known/jwks.json",
    claims={
        "iss": "https://project-ref.supabase.co/auth/v1",
        "aud": "authenticated",
        "sub": "123e4567-e89b-12d3-a456-426614174000",
        "role": "authenticated",
        "aal": "aal1",
        "session_id": "0a1b2c3d",
        "email": "ada@example.com",
        "phone": "",
        "is_anonymous": False,
        "app_metadata": {"provider": "email", "providers": ["email"], "roles": ["editor"]},
        "user_metadata": {"name": "Ada", "email_verified": True, "roles": ["admin"]},
        "amr": [{"method": "password", "timestamp": NOW - 60}],
    },
    principal=principal(
        "123e4567-e89b-12d3-a456-426614174000",
        email="ada@example.com",
        name="Ada",
        roles=frozenset({"editor"}),  # users can change user_metadata, but not app_metadata
    ),
    refused=[
        ({"aud": "anon"}, InvalidAudienceError),
        ({"sub": ABSENT}, MissingClaimError),  # the key of the role `anon` or `service_role`
    ],
    algorithm="ES256",
)

# https://docs.aws.amazon.com/cognito/latest/developerguide/
#   amazon-cognito-user-pools-using-the-access-token.html
COGNITO = Provider(
    settings={
        "oidc_issuer": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_example",
        "auth_audience": "1example23456789",
        "oidc_claim_audience": "client_id",
        "oidc_claim_name": "username",
        "oidc_claim_roles": "cognito:groups",
    },
    keys_url=(
        "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_example/.well-known/jwks.json"
    ),
    claims={
        "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        "device_key": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        "cognito:groups": ["admin"],
        "iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_example",
        "version": 2,
        "client_id": "1example23456789",
        "origin_jti": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        "event_id": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        "token_use": "access",
        "scope": "phone openid profile todos/read",
        "auth_time": NOW - 60,
        "jti": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        "username": "ada",
    },
    principal=principal(
        "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        name="ada",
        roles=frozenset({"admin"}),
        scopes=frozenset({"phone", "openid", "profile", "todos/read"}),
    ),
    refused=[
        ({"client_id": "another-client"}, InvalidAudienceError),
        ({"client_id": ABSENT, "aud": "1example23456789", "token_use": "id"}, MissingClaimError),
        ({"aud": "https://other-api.example.com"}, InvalidAudienceError),  # for another resource
    ],
    header={},
)

# https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
ENTRA = Provider(
    settings={
        "oidc_issuer": "https://login.microsoftonline.com/9122040d-6c67-4c5b-b112-36a304b66dad/v2.0",
        "auth_audience": "6e74172b-be56-4843-9ff4-e66a39bb12e3",
        "oidc_claim_user_id": "oid",
        "oidc_claim_email": "preferred_username",
        "oidc_claim_roles": "roles",
        "oidc_claim_scopes": "scp",
    },
    keys_url=(
        "https://login.microsoftonline.com/9122040d-6c67-4c5b-b112-36a304b66dad/discovery/v2.0/keys"
    ),
    claims={
        "aud": "6e74172b-be56-4843-9ff4-e66a39bb12e3",
        "iss": "https://login.microsoftonline.com/9122040d-6c67-4c5b-b112-36a304b66dad/v2.0",
        "nbf": NOW - 60,
        "aio": "AXQAi/8IAAAA",
        "azp": "6e74172b-be56-4843-9ff4-e66a39bb12e3",
        "azpacr": "0",
        "name": "Ada Lovelace",
        "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474",
        "preferred_username": "ada@example.com",
        "rh": "I",
        "roles": ["Todos.Admin"],
        "scp": "Todos.Read Todos.Write",
        "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
        "tid": "9122040d-6c67-4c5b-b112-36a304b66dad",
        "uti": "fqiBqXLPj0eQa82S-IYFAA",
        "ver": "2.0",
    },
    principal=principal(
        "690222be-ff1a-4d56-abd1-7e4f7d38e474",
        email="ada@example.com",
        name="Ada Lovelace",
        roles=frozenset({"Todos.Admin"}),
        scopes=frozenset({"Todos.Read", "Todos.Write"}),
    ),
    refused=[
        # All tenants have the same keys: only `iss` tells them apart.
        (
            {"iss": "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/v2.0"},
            InvalidIssuerError,
        ),
        (
            {"iss": "https://sts.windows.net/9122040d-6c67-4c5b-b112-36a304b66dad/", "ver": "1.0"},
            InvalidIssuerError,
        ),
        ({"aud": "00000003-0000-0000-c000-000000000000"}, InvalidAudienceError),  # Graph
        ({"oid": ABSENT}, MissingClaimError),
    ],
)

# https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload
GOOGLE = Provider(
    settings={
        "oidc_issuer": "https://accounts.google.com",
        "auth_audience": "1234987819200.apps.googleusercontent.com",
        "auth_claims": "hd",
    },
    keys_url="https://www.googleapis.com/oauth2/v3/certs",
    claims={
        "iss": "https://accounts.google.com",
        "azp": "1234987819200.apps.googleusercontent.com",
        "aud": "1234987819200.apps.googleusercontent.com",
        "sub": "10769150350006150715113082367",
        "at_hash": "HK6E_P6Dh8Y93mRNtsDB1Q",
        "hd": "example.com",
        "email": "ada@example.com",
        "email_verified": True,
        "name": "Ada Lovelace",
        "nonce": "0394852-3190485-2490358",
    },
    principal=principal(
        "10769150350006150715113082367",
        email="ada@example.com",
        name="Ada Lovelace",
        email_verified=True,
        claims={"hd": "example.com"},
    ),
    refused=[
        ({"aud": "other.apps.googleusercontent.com"}, InvalidAudienceError),
        ({"iss": "accounts.google.com"}, InvalidIssuerError),
        ({"events": {"https://schemas.openid.net/secevent/risc": {}}}, UnsupportedTokenError),
    ],
)

PROVIDERS = {
    "auth0": AUTH0,
    "keycloak": KEYCLOAK,
    "clerk": CLERK,
    "supabase": SUPABASE,
    "cognito": COGNITO,
    "entra": ENTRA,
    "google": GOOGLE,
}

every_provider = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)

Open = Callable[[Provider], Awaitable[InspectionContainer]]


def answer(provider: Provider, request: httpx2.Request) -> httpx2.Response:
    """Answer as the provider does, at the two URLs of the provider."""
    issuer = provider.settings["oidc_issuer"]
    discovery = issuer.removesuffix("/") + "/.well-known/openid-configuration"
    if str(request.url) == discovery:
        document = json.dumps({"issuer": issuer, "jwks_uri": provider.keys_url}).encode()
    elif str(request.url) == provider.keys_url:
        document = key_set(signer(provider.algorithm).jwk(use="sig"), ENCRYPTION_KEY)
    else:
        return httpx2.Response(404)

    async def body() -> AsyncIterator[bytes]:
        yield document

    return httpx2.Response(200, content=body())


@pytest.fixture
async def open_container() -> AsyncIterator[Open]:
    """Return a function that opens a container with the settings of a provider."""
    async with AsyncExitStack() as stack:

        async def make(provider: Provider) -> InspectionContainer:
            transport = httpx2.MockTransport(functools.partial(answer, provider))
            container = InspectionContainer(
                settings=Settings.load(auth_provider="oidc", **provider.settings),
                http_client=httpx2.AsyncClient(transport=transport),
                clock=lambda: NOW,
            )
            for resource in container.resources():
                await stack.enter_async_context(resource)
            return container

        yield make


def token(provider: Provider, **changes: Any) -> str:
    claims = drop_absent({**TIMES, **provider.claims, **changes})
    return sign_token(signer(provider.algorithm), claims, header=provider.header)


@every_provider
async def test_a_token_of_the_provider_becomes_a_principal(
    open_container: Open, provider: Provider
) -> None:
    container = await open_container(provider)
    assert await container.token_verifier().verify(token(provider)) == provider.principal


@every_provider
async def test_an_address_in_another_claim_is_not_verified_by_email_verified(
    open_container: Open, provider: Provider
) -> None:
    verifier = (await open_container(provider)).token_verifier()
    changes = {"email": "ada@example.org", "email_verified": True}
    changed = await verifier.verify(token(provider, **changes))
    assert changed.email_verified is (changed.email == "ada@example.org")
    name = provider.settings.get("oidc_claim_email", "email")
    settings = {**provider.settings, "oidc_claim_email_verified": "xms_edov"}
    verifier = (await open_container(replace(provider, settings=settings))).token_verifier()
    chosen = await verifier.verify(token(provider, **{name: "ada@example.org", "xms_edov": True}))
    assert (chosen.email, chosen.email_verified) == ("ada@example.org", True)


@every_provider
async def test_other_tokens_of_the_provider_are_refused_and_have_a_remedy(
    open_container: Open, provider: Provider
) -> None:
    container = await open_container(provider)
    for changes, error in provider.refused:
        text = token(provider, **changes)
        with pytest.raises(AuthError) as caught:
            await container.token_verifier().verify(text)
        assert type(caught.value) is error, changes
        explanation = await container.token_explainer().explain(text)
        remedies = [item.remedy for item in explanation.findings if item.problem]
        assert remedies
        assert all(remedies)
        assert "Better Auth" not in str(remedies)


@every_provider
async def test_doctor_finds_no_problem_and_shows_the_key_set(
    open_container: Open, provider: Provider
) -> None:
    container = await open_container(provider)
    findings = await container.diagnose_issuer()
    assert [item.problem for item in findings if item.problem] == []
    assert provider.keys_url in str(findings)
    assert "Better Auth" not in str(findings)


async def test_a_url_of_the_key_set_replaces_the_metadata(open_container: Open) -> None:
    keys_url = "https://keys.internal/set"
    settings = {**KEYCLOAK.settings, "auth_jwks_url": keys_url}
    provider = replace(KEYCLOAK, settings=settings, keys_url=keys_url)
    container = await open_container(provider)
    assert await container.token_verifier().verify(token(KEYCLOAK)) == KEYCLOAK.principal
    first, *_ = await (await open_container(provider)).diagnose_issuer()
    assert (first.check, first.problem) == ("keys", None)


async def test_a_secret_or_a_key_of_another_issuer_verifies_nothing(open_container: Open) -> None:
    container = await open_container(KEYCLOAK)
    claims = {**TIMES, **KEYCLOAK.claims}
    public = key_set(signer("RS256"))
    for other, error in (
        (signer("ES256", "key-1"), InvalidAlgorithmError),
        (secret_signer(public), InvalidAlgorithmError),
        (replace(signer("RS256", "stolen"), kid="key-1"), InvalidSignatureError),
        (signer("RS256", "key-of-another-issuer"), UnknownKeyError),
    ):
        with pytest.raises(AuthError) as caught:
            await container.token_verifier().verify(sign_token(other, claims))
        assert type(caught.value) is error


def test_the_page_shows_the_settings_of_every_provider() -> None:
    rows = [row for row in table_rows(Path("docs/swap-the-provider.md")) if len(row) == 4]
    shown = [
        {"OIDC_ISSUER": row[1].strip("`"), **dict(re.findall(r"`([A-Z_]+)=([^`]+)`", row[3]))}
        for row in rows
    ]
    tested = [
        {name.upper(): text for name, text in provider.settings.items() if name != "auth_audience"}
        for provider in PROVIDERS.values()
    ]
    assert [row for row in shown if row["OIDC_ISSUER"] != "OIDC_ISSUER"] == tested
