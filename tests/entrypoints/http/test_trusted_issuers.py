"""Several issuers over HTTP: answers, readiness, metrics and metadata."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from backend.adapters.persistence.memory import InMemoryDatabase
from backend.container import Container
from backend.entrypoints.http import CurrentPrincipal, protect
from backend.entrypoints.http.app import create_app
from backend.settings import AuthSettings, Settings
from backend.testing import RESOURCE, Issuer
from tests.entrypoints.http.conftest import MakeClient

ROOT = Path(__file__).parents[3]
METADATA = "/.well-known/oauth-protected-resource"


@pytest.fixture
def acme() -> Iterator[Issuer]:
    with Issuer() as server:
        yield server


@pytest.fixture
def globex() -> Iterator[Issuer]:
    with Issuer("ES256") as server:
        yield server


@pytest.fixture
def issuers(acme: Issuer, globex: Issuer) -> list[dict[str, Any]]:
    return [
        {"name": "acme", "user_id_prefix": "acme:", "BETTER_AUTH_URL": acme.url},
        {"name": "globex", "user_id_prefix": "globex:", "BETTER_AUTH_URL": globex.url},
    ]


def app_of(issuers: list[dict[str, Any]]) -> FastAPI:
    settings = Settings.load(auth_trusted_issuers=issuers)
    return create_app(Container(settings=settings, database=InMemoryDatabase()))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def key_set_metrics(client: httpx2.Client) -> dict[str, float]:
    lines = [line.split() for line in client.get("/metrics").text.splitlines()]
    return {name: float(value) for name, value, *_ in lines if name.startswith("auth_key_set")}


def test_an_outage_of_one_issuer_is_visible_and_touches_only_its_users(
    acme: Issuer, globex: Issuer, issuers: list[dict[str, Any]], make_client: MakeClient
) -> None:
    acme.fail(503)
    client = make_client(app_of(issuers))
    down = client.get("/api/me", headers=bearer(acme.token(sub="ada")))
    assert (down.status_code, down.json()["code"]) == (503, "verifier_unavailable")
    up = client.get("/api/me", headers=bearer(globex.token(sub="ada")))
    assert (up.status_code, up.json()["user_id"]) == (200, "globex:ada")

    ready = client.get("/health/ready")
    assert ready.status_code == 200
    report = ready.json()
    assert report["checks"] == {"keys": "ok", "database": "ok"}
    assert "keys" not in report
    assert report["issuers"]["acme"]["error"] == "HTTP 503"
    assert report["issuers"]["globex"]["kids"] == [globex.signer.kid]
    assert "error" not in report["issuers"]["globex"]

    metrics = key_set_metrics(client)
    assert metrics['auth_key_set_usable{issuer="acme"}'] == 0
    assert metrics['auth_key_set_usable{issuer="globex"}'] == 1
    assert metrics['auth_key_set_failing{issuer="acme"}'] == 1
    assert metrics['auth_key_set_fetches_total{issuer="globex",result="success"}'] == 1
    assert "auth_key_set_usable" not in metrics


def test_without_any_issuer_the_server_is_not_ready(
    acme: Issuer, globex: Issuer, issuers: list[dict[str, Any]], make_client: MakeClient
) -> None:
    acme.fail(503)
    globex.fail(503)
    ready = make_client(app_of(issuers)).get("/health/ready")
    assert ready.status_code == 503
    assert ready.json()["checks"]["keys"] == "unavailable"


def test_an_unknown_issuer_gets_401_and_learns_nothing(
    acme: Issuer, issuers: list[dict[str, Any]], make_client: MakeClient
) -> None:
    client = make_client(app_of(issuers))
    response = client.get("/api/me", headers=bearer(acme.token(iss="https://x.example")))
    assert (response.status_code, response.json()["code"]) == (401, "invalid_token")
    assert acme.url not in response.text
    assert 'error="invalid_token"' in response.headers["www-authenticate"]


def test_the_metadata_list_every_authorization_server(
    acme: Issuer, globex: Issuer, issuers: list[dict[str, Any]], make_client: MakeClient
) -> None:
    client = make_client(app_of([{**entry, "AUTH_RESOURCE": RESOURCE} for entry in issuers]))
    metadata = client.get(METADATA).json()
    assert metadata["resource"] == RESOURCE
    assert metadata["authorization_servers"] == sorted([acme.oauth_issuer, globex.oauth_issuer])
    challenge = client.get("/api/me").headers["www-authenticate"]
    assert f'resource_metadata="{RESOURCE}{METADATA}"' in challenge
    for issuer, name in ((acme, "acme"), (globex, "globex")):
        token = issuer.access_token("todos:read", sub="ada")
        assert client.get("/api/me", headers=bearer(token)).json()["user_id"] == f"{name}:ada"


def test_an_app_of_an_adopter_trusts_several_issuers(
    acme: Issuer, globex: Issuer, issuers: list[dict[str, Any]], make_client: MakeClient
) -> None:
    app = FastAPI()
    protect(app, settings=AuthSettings.load(auth_trusted_issuers=issuers))

    @app.get("/me")
    async def me(principal: CurrentPrincipal) -> str:
        return principal.user_id

    client = make_client(app)
    for issuer, name in ((acme, "acme"), (globex, "globex")):
        token = issuer.token(sub="ada")
        assert client.get("/me", headers=bearer(token)).json() == f"{name}:ada"


@pytest.mark.parametrize("room", ["domain", "entrypoints/http/auth", "entrypoints/http/problems"])
def test_neither_the_domain_nor_authentication_over_http_knows_of_several_issuers(
    room: str,
) -> None:
    sources = list((ROOT / "backend" / room).rglob("*.py"))
    assert len(sources) > 1
    words = ("trusted_issuers", "trusted issuers", "user_id_prefix", "key_sets")
    named = [path for path in sources if any(word in path.read_text("utf-8") for word in words)]
    assert named == []
