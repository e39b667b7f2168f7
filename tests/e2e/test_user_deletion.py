"""A user deletes their account at Better Auth: the API deletes their data first."""

import re
from pathlib import Path
from typing import Final

import httpx2

from tests.documents import ROOT, blocks, text_of
from tests.e2e.backend import Backend, bearer
from tests.e2e.better_auth import User
from tests.e2e.processes import free_port
from tests.e2e.servers import Servers

PAGE: Final = Path("docs/when-a-user-leaves.md")


def delete_account(user: User) -> httpx2.Response:
    return user.browser.post("/api/auth/delete-user", json={})


def titles(backend: Backend, token: str) -> list[str]:
    """Return the titles of the todos of a user."""
    answer = backend.client.get("/api/todos", headers=bearer(token)).raise_for_status()
    return [todo["title"] for todo in answer.json()["items"]]


def test_the_data_is_deleted_with_the_account_or_both_stay(servers: Servers) -> None:
    port = str(free_port())
    issuer = servers.issuer(API_URL=f"http://127.0.0.1:{port}")
    ada, bob = issuer.sign_up("Ada"), issuer.sign_up("Bob")
    tokens = {user.id: user.token() for user in (ada, bob)}

    refused = delete_account(ada)  # the API is down
    assert refused.status_code == 503
    assert refused.json()["message"].startswith("Your data cannot be deleted now.")
    assert ada.token()

    backend = servers.backend(BETTER_AUTH_URL=issuer.url, PORT=port)
    for token in tokens.values():
        created = backend.client.post("/api/todos", json={"title": "x"}, headers=bearer(token))
        assert created.status_code == 201
    export = backend.client.get("/api/me/export", headers=bearer(tokens[ada.id]))
    assert export.text.splitlines()[-1] == '{"end":{"todos":1}}'

    assert delete_account(ada).json() == {"success": True, "message": "User deleted"}
    assert ada.browser.get("/api/auth/token").status_code == 401
    # A token that was issued before stays valid until it expires.
    assert titles(backend, tokens[ada.id]) == []
    assert titles(backend, tokens[bob.id]) == ["x"]


def test_the_page_shows_the_code_of_the_demo() -> None:
    shown = blocks("js", PAGE)
    module = (ROOT / "demo" / "user_data.mjs").read_text("utf-8")
    assert shown["user_data.mjs"] == module
    options = re.sub(r"\benv\.API_URL !== undefined\b", "true", text_of(Path("demo/server.mjs")))
    options = options.replace("env.API_URL", "process.env.API_URL")
    (lines,) = re.findall(r"^  user: \{\n.*?^  \},\n", options, re.DOTALL | re.MULTILINE)
    assert lines in shown["auth.mjs"]
