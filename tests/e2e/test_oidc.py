"""Better Auth's OAuth provider as any OpenID Connect issuer: discovery, sign-in, and outages.

No setting here is specific to Better Auth: the API finds the issuer by its metadata.
"""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx2
import jwt
import pytest

from tests.e2e.backend import NO_COVERAGE, Backend, rejection_code
from tests.e2e.better_auth import Issuer, User
from tests.e2e.oauth import OAuthClient
from tests.e2e.processes import ROOT, connect, environment, free_port
from tests.e2e.servers import Servers

API = "http://127.0.0.1:9/todos"  # a name for the API; no request goes to this URL
WELL_KNOWN = "/.well-known/openid-configuration"


@pytest.fixture(scope="module")
def provider(shared_servers: Servers) -> Issuer:
    """A Better Auth server that issues access tokens for the API."""
    return shared_servers.issuer(OAUTH_RESOURCE=API)


@pytest.fixture(scope="module")
def variables(provider: Issuer) -> Mapping[str, str]:
    """The settings of the API."""
    return {
        "AUTH_PROVIDER": "oidc",
        "OIDC_ISSUER": f"{provider.url}/api/auth",
        "AUTH_AUDIENCE": API,
    }


@pytest.fixture(scope="module")
def api(shared_servers: Servers, variables: Mapping[str, str]) -> Backend:
    return shared_servers.backend(**variables, AUTH_REQUIRE_SCOPES="on")


@pytest.fixture(scope="module")
def user(provider: Issuer) -> User:
    return provider.sign_up()


@pytest.fixture(scope="module")
def client(provider: Issuer) -> Iterator[OAuthClient]:
    """A client that has found the provider by its OpenID Connect metadata."""
    with connect(provider.url) as http:
        server = http.get(f"/api/auth{WELL_KNOWN}").raise_for_status().json()
        yield OAuthClient.register(http, server)


def run(command: str, variables: Mapping[str, str], stdin: str = "") -> str:
    """Run a command of the backend, and return its output."""
    finished = subprocess.run(
        [sys.executable, "-m", "backend", command],
        cwd=ROOT,
        env=environment({**variables, **NO_COVERAGE}),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return finished.stdout + finished.stderr


def test_an_access_token_of_the_provider_is_accepted_with_its_scopes(
    api: Backend, client: OAuthClient, user: User
) -> None:
    token = client.tokens(user, "openid todos:read todos:write", resource=API)["access_token"]
    me = api.me(token)
    assert me.status_code == 200, me.text
    assert me.json()["user_id"] == user.id
    assert set(me.json()["scopes"]) >= {"todos:read", "todos:write"}
    headers = {"Authorization": f"Bearer {token}"}
    created = api.client.post("/api/todos", json={"title": "Found by discovery"}, headers=headers)
    assert created.status_code == 201, created.text
    (todo,) = api.client.get("/api/todos", headers=headers).json()["items"]
    assert todo["title"] == "Found by discovery"


def test_a_token_without_the_scope_is_forbidden(
    api: Backend, client: OAuthClient, user: User
) -> None:
    token = client.tokens(user, "openid todos:read", resource=API)["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert api.client.get("/api/todos", headers=headers).status_code == 200
    response = api.client.post("/api/todos", json={"title": "x"}, headers=headers)
    assert response.status_code == 403
    assert 'error="insufficient_scope"' in response.headers["www-authenticate"]


def test_other_tokens_of_the_same_server_are_refused(
    api: Backend, client: OAuthClient, user: User, variables: Mapping[str, str], tmp_path: Path
) -> None:
    tokens = client.tokens(user, "openid todos:read", resource=API)
    id_token, session_token = tokens["id_token"], user.token()
    assert jwt.decode(id_token, options={"verify_signature": False})["aud"] == client.id
    for token in (id_token, session_token):
        assert rejection_code(api.me(token)) == "invalid_token"
    database = {"DATABASE_URL": f"sqlite:///{tmp_path / 'todos.db'}"}
    assert "AUTH_AUDIENCE" in run("explain", {**variables, **database}, id_token)
    explained = run("explain", {**variables, **database}, session_token)
    assert "OIDC_ISSUER" in explained
    assert "Better Auth" not in explained


def test_doctor_finds_the_key_set_of_the_provider(
    variables: Mapping[str, str], provider: Issuer, database_url: str
) -> None:
    output = run("doctor", {**variables, "DATABASE_URL": database_url})
    assert f"names the key set {provider.url}/api/auth/jwks" in output
    assert "No problems found." in output


def test_an_issuer_that_is_down_makes_the_api_unavailable_but_logs_no_user_out(
    servers: Servers, client: OAuthClient, user: User
) -> None:
    token = client.tokens(user, "openid", resource=API)["access_token"]
    down = f"http://127.0.0.1:{free_port()}"
    api = servers.backend(AUTH_PROVIDER="oidc", OIDC_ISSUER=down, AUTH_AUDIENCE=API)
    response: httpx2.Response = api.me(token)
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) >= 1
    assert api.client.get("/health/ready").status_code == 503
