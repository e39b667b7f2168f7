"""A server with two issuers, as in docs/several-issuers.md: todos, an outage, and its end."""

import json
from pathlib import Path

from backend.testing import InvalidToken, Issuer
from tests.e2e.backend import bearer, rejection_code
from tests.e2e.processes import wait_for
from tests.e2e.servers import Servers


def test_users_of_two_issuers_have_todos_of_their_own(servers: Servers, tmp_path: Path) -> None:
    with Issuer() as production, Issuer("ES256") as preview:
        file = tmp_path / "issuers.json"
        entries = [("production", "", production), ("preview", "preview:", preview)]
        file.write_text(
            json.dumps(
                [
                    {"name": name, "user_id_prefix": prefix, "BETTER_AUTH_URL": issuer.url}
                    for name, prefix, issuer in entries
                ]
            )
        )
        preview.fail(503)
        backend = servers.backend(AUTH_TRUSTED_ISSUERS_FILE=str(file))
        client = backend.client

        # The preview is down: its users get 503, the others notice nothing.
        ada = production.token(sub="ada")
        created = client.post("/api/todos", headers=bearer(ada), json={"title": "Release"})
        assert created.status_code == 201
        assert backend.me(preview.token(sub="ada")).status_code == 503
        assert client.get("/health/ready").status_code == 200
        metrics = client.get("/metrics").text
        assert 'auth_key_set_usable{issuer="preview"} 0.0' in metrics
        assert 'auth_key_set_usable{issuer="production"} 1.0' in metrics

        # The preview is back. Its user with the same id is another user.
        preview.recover()
        other = preview.token(sub="ada")
        wait_for(lambda: backend.me(other).status_code == 200 or None)
        assert backend.me(other).json()["user_id"] == "preview:ada"
        assert backend.me(ada).json()["user_id"] == "ada"
        todo = f"/api/todos/{created.json()['id']}"
        assert client.get("/api/todos", headers=bearer(other)).json()["items"] == []
        assert client.get(todo, headers=bearer(other)).status_code == 404
        assert client.get(todo, headers=bearer(ada)).status_code == 200

        # No token crosses from one issuer to the other.
        for token in (
            preview.token(sub="ada", iss=production.url, aud=production.url),
            production.token(sub="preview:ada"),
            production.token(iss=f"{production.url}/"),
            preview.invalid_token(InvalidToken.WRONG_AUDIENCE),
        ):
            assert rejection_code(backend.me(token)) == "invalid_token"
