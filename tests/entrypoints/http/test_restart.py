"""A protected app can start several times, for example once in each test."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from backend.entrypoints.http import CurrentPrincipal, protect
from backend.testing import Issuer, bearer


def test_an_app_reads_the_environment_at_each_start(monkeypatch: pytest.MonkeyPatch) -> None:
    app = FastAPI()
    protect(app)

    @app.get("/me")
    async def get_me(principal: CurrentPrincipal) -> str:
        return principal.user_id

    with Issuer() as first, Issuer() as second:
        for issuer, other in ((first, second), (second, first)):
            monkeypatch.setenv("BETTER_AUTH_URL", issuer.url)
            with TestClient(app) as client:
                accepted = client.get("/me", headers=bearer(issuer.token(sub="ada")))
                refused = client.get("/me", headers=bearer(other.token(sub="ada")))
            assert (accepted.status_code, accepted.json()) == (200, "ada")
            assert refused.status_code == 401
