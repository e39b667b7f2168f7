"""Revoked tokens over HTTP, with a real database: 401, and 503 while the database is down."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from backend.container import Container
from backend.domain.revocation import RevocationKind
from backend.entrypoints.http.app import create_app
from backend.settings import Settings
from backend.testing.tokens import secret_token
from tests.adapters.persistence.databases import execute
from tests.entrypoints.http.asgi_client import RawResponse, app_lifespan, send_request
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio

SECRET = "a secret that the issuer and this server share"
MAX_AGE = 1


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path, postgres_server: PostgresServer) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/todos.db"
    return postgres_server.create_database()


async def get(app: Any, token: str) -> RawResponse:
    headers = [(b"authorization", b"Bearer " + token.encode())]
    return await send_request(app, "/api/todos", headers=headers, raising=False)


async def test_a_revoked_token_gets_401_and_an_outage_503(
    url: str, postgres_server: PostgresServer
) -> None:
    settings = Settings.load(
        better_auth_secret=SECRET,
        database_url=url,
        auth_revocation="database",
        auth_revocation_max_age=MAX_AGE,
        auth_max_lifetime=900,
    )
    operator = Container(settings=settings)
    await operator.migrate_schema()
    app = create_app(Container(settings=settings))
    ada, bob = (secret_token(SECRET, sub=user) for user in ("ada", "bob"))
    async with app_lifespan(app):
        for token in (ada, bob):
            assert (await get(app, token)).status == 200

        await operator.revoke(kind=RevocationKind.USER, value="ada")
        await asyncio.sleep(MAX_AGE + 0.05)
        refused = await get(app, ada)
        assert refused.status == 401
        assert refused.json()["code"] == "invalid_token"
        assert "revoke" not in refused.body.decode()  # the reason is for the operator
        assert 'error="invalid_token"' in (refused.header("www-authenticate") or "")
        assert (await get(app, bob)).status == 200

        execute(postgres_server, url, "ALTER TABLE revocations RENAME TO gone")
        await asyncio.sleep(MAX_AGE + 0.05)
        for token in (ada, bob):
            unavailable = await get(app, token)
            assert unavailable.status == 503
            assert unavailable.json()["code"] == "verifier_unavailable"
            assert unavailable.header("retry-after") == "1"
            assert unavailable.header("www-authenticate") is None

        execute(postgres_server, url, "ALTER TABLE gone RENAME TO revocations")
        await asyncio.sleep(MAX_AGE + 0.05)
        assert (await get(app, ada)).status == 401
        assert (await get(app, bob)).status == 200


async def test_the_reason_is_in_the_log_and_in_the_metrics(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"sqlite:///{tmp_path}/todos.db"
    settings = Settings.load(
        better_auth_secret=SECRET,
        database_url=url,
        auth_revocation="database",
        auth_max_lifetime=900,
    )
    container = Container(settings=settings)
    await container.migrate_schema()
    await container.revoke(kind=RevocationKind.SESSION, value="s1")
    caplog.set_level("INFO")
    app = create_app(container)
    async with app_lifespan(app):
        token = secret_token(SECRET, sub="ada", sid="s1")
        assert (await get(app, token)).status == 401
        metrics = (await send_request(app, "/metrics")).body.decode()
    assert "refused: revoked_token" in caplog.text
    assert token not in caplog.text
    assert 'auth_verifications_total{outcome="refused",reason="revoked_token"} ' in metrics
