"""A token that a client got for itself (client credentials) is not the token of a user."""

from typing import Any

import pytest

from backend.domain.auth import MachineTokenError
from backend.testing import Issuer
from backend.testing.encoding import ABSENT
from backend.testing.issuer import RESOURCE
from tests.testing.verifiers import bearer_verifier

pytestmark = pytest.mark.anyio

CLIENT_ID = "client-1"
MACHINE = {"sub": CLIENT_ID, "sid": ABSENT}  # as Better Auth issues it: no session


def overrides(issuer: Issuer) -> dict[str, Any]:
    return {"auth_issuer": [issuer.oauth_issuer], "auth_audience": [RESOURCE]}


def resource(_issuer: Issuer) -> dict[str, Any]:
    return {"auth_resource": RESOURCE}


BOTH_WAYS = pytest.mark.parametrize("accept", [overrides, resource])


@BOTH_WAYS
@pytest.mark.parametrize("claim", ["client_id", "azp"])
async def test_a_machine_token_does_not_pass_as_a_user(
    issuer: Issuer, accept: Any, claim: str
) -> None:
    other = {"client_id": "azp", "azp": "client_id"}[claim]
    async with bearer_verifier(issuer, **accept(issuer)) as verifier:
        user = await verifier.verify(issuer.access_token("todos:read", sub="ada"))
        assert user.is_machine is False
        for claims in (MACHINE, {**MACHINE, other: ABSENT}):
            with pytest.raises(MachineTokenError):
                await verifier.verify(issuer.access_token("todos:read", **claims))


@BOTH_WAYS
async def test_an_accepted_machine_token_is_a_principal_that_says_so(
    issuer: Issuer, accept: Any
) -> None:
    settings = {**accept(issuer), "auth_machine_tokens": True}
    async with bearer_verifier(issuer, **settings) as verifier:
        machine = await verifier.verify(issuer.access_token("todos:read", **MACHINE))
        assert (machine.user_id, machine.is_machine) == (CLIENT_ID, True)
        assert machine.scopes == {"todos:read"}
        user = await verifier.verify(issuer.access_token("todos:read", sub="ada"))
        assert (user.user_id, user.is_machine) == ("ada", False)


async def test_users_of_azure_ad_b2c_whose_oid_is_the_subject_are_no_machines(
    issuer: Issuer,
) -> None:
    async with bearer_verifier(issuer, auth_machine_tokens=True) as verifier:
        token = issuer.token(sub="5a1c0e7e", oid="5a1c0e7e", azp="c1", scp="todos.read")
        assert (await verifier.verify(token)).is_machine is False


async def test_a_token_of_a_user_row_without_clients_is_not_a_machine(issuer: Issuer) -> None:
    async with bearer_verifier(issuer, auth_machine_tokens=True) as verifier:
        assert (await verifier.verify(issuer.token(sub="ada"))).is_machine is False


OIDC = "https://id.example.com"


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "c1@clients", "azp": "c1", "gty": "client-credentials"},  # Auth0
        {"sub": "5a1c0e7e", "azp": "c1", "preferred_username": "service-account-c1"},  # Keycloak
        {"sub": "5a1c0e7e", "azp": "c1", "idtyp": "app"},  # Entra
        {"sub": "c1", "client_id": "c1"},  # Cognito
        {"sub": "c1@clients", "client_id": "c1"},  # Auth0 with the profile of RFC 9068: no gty
        {"sub": "5a1c0e7e", "azp": "Api", "preferred_username": "service-account-api"},  # Keycloak
        {"sub": "5a1c0e7e", "oid": "5a1c0e7e", "azp": "c1"},  # Entra without the optional idtyp
        {"sub": "c1", "cid": "c1"},  # Okta
        {"sub": "c1", "azp": None, "client_id": "c1"},
        {"sub": "5a", "azp": None, "client_id": "c1", "preferred_username": "service-account-c1"},
    ],
)
async def test_machine_tokens_of_other_providers_are_recognized(
    issuer: Issuer, claims: dict[str, Any]
) -> None:
    token = issuer.token(**{"iss": OIDC, "aud": "api", **claims})
    values: dict[str, Any] = {"auth_provider": "oidc", "oidc_issuer": OIDC}
    values |= {"auth_audience": ["api"]}
    values |= {"better_auth_url": None, "auth_jwks_url": f"{issuer.url}/api/auth/jwks"}
    async with bearer_verifier(issuer, **values) as verifier:
        assert (await verifier.verify(issuer.token(iss=OIDC, aud="api"))).user_id == "user-1"
        with pytest.raises(MachineTokenError):
            await verifier.verify(token)
    async with bearer_verifier(issuer, **values, auth_machine_tokens=True) as verifier:
        assert (await verifier.verify(token)).is_machine is True
