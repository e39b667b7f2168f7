"""The shell commands of pages, against a real Better Auth server and the API."""

import os
from pathlib import Path

import pytest

from tests.console import blocks_with, run_session
from tests.e2e.processes import environment
from tests.e2e.servers import Servers

CONNECT = Path("docs/connect-better-auth.md")
COOKIES = Path("docs/session-cookies.md")
SECRET = "only-for-this-demo-0123456789abcdef"


@pytest.fixture
def urls(servers: Servers) -> dict[str, str]:
    """Start what the pages start in the first two terminals: the page's URLs, and the real URLs."""
    for start in ("(cd demo", "export BETTER_AUTH_URL=http://127.0.0.1:3000"):
        shown = " ".join(command.text for command in blocks_with(COOKIES, start))
        assert f"BETTER_AUTH_SECRET={SECRET}" in shown
    issuer = servers.issuer(BETTER_AUTH_SECRET=SECRET, COOKIE_CACHE="compact")
    backend = servers.backend(
        BETTER_AUTH_URL=issuer.url, BETTER_AUTH_SECRET=SECRET, AUTH_COOKIE="compact"
    )
    return {"http://127.0.0.1:3000": issuer.url, "http://127.0.0.1:8000": backend.url}


def test_session_cookies_work_as_the_page_shows(tmp_path: Path, urls: dict[str, str]) -> None:
    starts = (
        "curl -s -c cookies",
        "curl -s -b cookies http://127.0.0.1:8000/api/todos",
        "curl -s -b cookies -D",
    )
    session = [command for start in starts for command in blocks_with(COOKIES, start)]
    run_session(session, tmp_path, replace=urls, env=environment({"LC_ALL": "C.UTF-8"}))
    assert "cookies" in os.listdir(tmp_path)


def test_a_token_works_as_the_page_shows(tmp_path: Path, urls: dict[str, str]) -> None:
    session = blocks_with(CONNECT, "curl -c cookies")
    run_session(session, tmp_path, replace=urls, env=environment({"LC_ALL": "C.UTF-8"}))
