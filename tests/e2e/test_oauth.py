"""Clients of other people: Better Auth's OAuth provider issues access tokens for the API."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jwt
import pytest

from tests.documents import fenced_blocks
from tests.e2e.backend import NO_COVERAGE, Backend, bearer, rejection_code
from tests.e2e.better_auth import Issuer, User
from tests.e2e.oauth import OAuthClient
from tests.e2e.processes import ROOT, connect, free_port
from tests.e2e.servers import Servers

OTHER: Final = "https://other.example.com"
PAGE: Final = Path("docs/oauth.md")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An API that OAuth clients may use, its authorization server, a user, and a client."""

    api: Backend
    issuer: Issuer
    user: User
    client: OAuthClient
    environment: dict[str, str]

    @property
    def resource(self) -> str:
        return self.api.url

    def access_token(self, scope: str) -> str:
        tokens = self.client.tokens(self.user, scope, resource=self.resource)
        return str(tokens["access_token"])

    def machine_token(self) -> str:
        robot = next(self.issuer.printed_values("robot"))
        form = {"grant_type": "client_credentials", "resource": self.resource, **robot}
        response = self.client.request_token(form).raise_for_status()
        return str(response.json()["access_token"])


@pytest.fixture(scope="module")
def site(shared_servers: Servers) -> Iterator[Site]:
    port = free_port()
    resource = f"http://127.0.0.1:{port}"
    issuer = shared_servers.issuer(OAUTH_RESOURCE=resource)
    variables = {
        "BETTER_AUTH_URL": issuer.url,
        "AUTH_RESOURCE": resource,
        "AUTH_REQUIRE_SCOPES": "on",
    }
    api = shared_servers.backend(PORT=str(port), **variables, **NO_COVERAGE)
    user = issuer.sign_up()
    with connect(api.url) as http:
        client = OAuthClient.discover(http, f"{api.url}/api/todos")
        yield Site(api=api, issuer=issuer, user=user, client=client, environment=variables)


def test_a_client_finds_the_server_registers_and_reads_with_the_consent_of_the_user(
    site: Site,
) -> None:
    token = site.access_token("openid todos:read")

    me = site.api.me(token).raise_for_status().json()
    todos = site.api.client.get("/api/todos", headers=bearer(token))
    write = site.api.client.post("/api/todos", headers=bearer(token), json={"title": "x"})

    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    assert (me["user_id"], me["email"], me["is_machine"]) == (site.user.id, None, False)
    assert me["scopes"] == ["openid", "todos:read"]
    assert todos.status_code == 200
    assert write.status_code == 403
    challenge = write.headers["www-authenticate"]
    assert 'error="insufficient_scope", scope="todos:write", resource_metadata="' in challenge


def test_the_user_finds_the_todo_that_a_client_has_added(site: Site) -> None:
    token = site.access_token("todos:read todos:write")
    created = site.api.client.post("/api/todos", headers=bearer(token), json={"title": "by app"})
    assert created.status_code == 201
    own = site.access_token("todos:read")
    titles = [
        item["title"]
        for item in site.api.client.get("/api/todos", headers=bearer(own)).json()["items"]
    ]
    assert titles == ["by app"]


def test_a_token_of_the_token_route_is_accepted_and_has_no_scopes(site: Site) -> None:
    token = site.user.token()
    me = site.api.me(token).json()
    assert (me["user_id"], me["email"], me["scopes"]) == (site.user.id, site.user.email, [])
    assert site.api.client.get("/api/todos", headers=bearer(token)).status_code == 403


def test_a_token_without_the_scopes_opens_nothing(site: Site) -> None:
    response = site.api.client.get("/api/todos", headers=bearer(site.access_token("openid")))
    assert response.status_code == 403
    assert response.json()["code"] == "insufficient_scope"


def test_other_tokens_of_the_same_client_are_refused(site: Site) -> None:
    tokens = site.client.tokens(site.user, "openid todos:read", resource=site.resource)
    without_resource = site.client.tokens(site.user, "openid todos:read", resource=None)
    opaque = without_resource["access_token"]
    assert opaque.count(".") == 0
    for token in (tokens["id_token"], opaque):
        assert rejection_code(site.api.me(token)) == "invalid_token"
        assert site.api.client.get("/api/todos", headers=bearer(token)).status_code == 401


def test_a_token_for_another_resource_is_not_issued_and_not_accepted(
    site: Site, shared_servers: Servers
) -> None:
    robot = next(site.issuer.printed_values("robot"))
    form = {"grant_type": "client_credentials", "resource": OTHER, **robot}
    assert site.client.request_token(form).json()["error"] == "invalid_target"

    variables = {**site.environment, "AUTH_RESOURCE": OTHER, "AUTH_MACHINE_TOKENS": "on"}
    other = shared_servers.backend(**variables, **NO_COVERAGE)
    assert rejection_code(other.me(site.access_token("todos:read"))) == "invalid_token"


def test_a_machine_is_refused_until_machines_are_accepted(
    site: Site, shared_servers: Servers
) -> None:
    token = site.machine_token()
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    assert claims["sub"] == claims["client_id"] == claims["azp"]

    assert rejection_code(site.api.me(token)) == "invalid_token"
    assert "machine_token" in site.api.output

    variables = {**site.environment, "AUTH_MACHINE_TOKENS": "on"}
    other = shared_servers.backend(**variables, **NO_COVERAGE)
    me = other.me(token).raise_for_status().json()
    assert (me["user_id"], me["is_machine"]) == (claims["client_id"], True)
    assert other.client.get("/api/todos", headers=bearer(token)).json()["items"] == []


def blocks_of_the_page(language: str) -> list[str]:
    return [block.text for block in fenced_blocks(PAGE) if block.language == language]


def test_the_page_configures_better_auth_as_the_demo_does() -> None:
    (block,) = blocks_of_the_page("js")
    demo = (ROOT / "demo" / "server.mjs").read_text("utf-8")
    options = [line.strip() for line in block.splitlines() if line.startswith("    ")]
    shown = [option.replace('"https://api.example.com"', "resource") for option in options]
    assert len(shown) == 7
    assert [option for option in shown if option not in demo] == []


def test_the_page_shows_the_metadata_and_the_claims_of_this_run(site: Site) -> None:
    def as_on_the_page(value: object) -> Any:
        text = json.dumps(value).replace(site.resource, "https://api.example.com")
        return json.loads(text.replace(site.issuer.url, "https://app.example.com"))

    metadata, (header, claims) = map(json.loads, blocks_of_the_page("json"))
    url = f"{site.resource}/.well-known/oauth-protected-resource"
    assert as_on_the_page(site.client.http.get(url).json()) == metadata
    token = site.access_token("openid todos:read")
    actual = as_on_the_page(jwt.decode(token, options={"verify_signature": False}))
    assert jwt.get_unverified_header(token).keys() == header.keys()
    assert actual.keys() == claims.keys()
    assert {name: actual[name] for name in ("iss", "aud", "scope")} == {
        name: claims[name] for name in ("iss", "aud", "scope")
    }
