"""The shell commands of pages, against a real Better Auth server and the API."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.console import blocks_with, run_session
from tests.documents import README
from tests.e2e.backend import NO_COVERAGE
from tests.e2e.processes import ROOT, environment
from tests.e2e.servers import Servers

CONNECT = Path("docs/connect-better-auth.md")
COOKIES = Path("docs/session-cookies.md")
SECRET = "only-for-this-demo-0123456789abcdef"

# The addresses on the pages, for a reader who starts the servers with their default ports.
BETTER_AUTH = "http://127.0.0.1:3000"
API = "http://127.0.0.1:8000"
PYTHON = ".venv/bin/python"


@pytest.fixture(scope="module")
def servers(shared_servers: Servers) -> dict[str, str]:
    """Start Better Auth and the API with the secret of the page; return their URLs."""
    issuer = shared_servers.issuer(BETTER_AUTH_SECRET=SECRET, COOKIE_CACHE="compact")
    backend = shared_servers.backend(
        BETTER_AUTH_URL=issuer.url, BETTER_AUTH_SECRET=SECRET, AUTH_COOKIE="compact", **NO_COVERAGE
    )
    return {BETTER_AUTH: issuer.url, API: backend.url}


def run(page: Path, start: str, folder: Path, replace: dict[str, str], **env: str) -> None:
    """Run the commands of the block that starts with a text, without curl if there is none."""
    variables = environment({"LC_ALL": "C.UTF-8", "PYTHONPATH": str(ROOT), **env})
    if shutil.which("curl") is None:
        replace = {**replace, "curl -": f"{sys.executable} {ROOT / 'tests' / 'curl.py'} -"}
        replace["curl http"] = replace["curl -"].removesuffix("-") + "http"
    run_session(blocks_with(page, start), folder, replace=replace, env=variables)


def test_the_servers_are_started_as_the_page_shows() -> None:
    for start in ("(cd demo", f"export BETTER_AUTH_URL={BETTER_AUTH}"):
        shown = " ".join(command.text for command in blocks_with(COOKIES, start))
        assert f"BETTER_AUTH_SECRET={SECRET}" in shown


@pytest.mark.parametrize("has_curl", [True, False])
def test_session_cookies_work_as_the_page_shows(
    tmp_path: Path, servers: dict[str, str], monkeypatch: pytest.MonkeyPatch, has_curl: bool
) -> None:
    if not has_curl:
        monkeypatch.setattr(shutil, "which", lambda _: None)
        servers = servers | {"ada@example.com": "lovelace@example.com"}
    run(COOKIES, "curl -s -c cookies", tmp_path, servers)
    run(COOKIES, f"curl -s -b cookies {API}/api/todos", tmp_path, servers)
    run(COOKIES, "curl -s -b cookies -D", tmp_path, servers)


def test_a_token_works_as_the_page_shows(tmp_path: Path, servers: dict[str, str]) -> None:
    another_user = {"ada@example.com": "grace@example.com"}
    run(CONNECT, "curl -c cookies", tmp_path, servers | another_user)


def test_the_first_requests_of_the_readme_get_the_answers_that_it_shows(
    tmp_path: Path, shared_servers: Servers
) -> None:
    backend = shared_servers.backend(BETTER_AUTH_SECRET=SECRET, **NO_COVERAGE)
    replace = {API: backend.url, PYTHON: sys.executable}
    run(README, f"TOKEN=$({PYTHON} -m", tmp_path, replace, BETTER_AUTH_SECRET=SECRET)
    run(README, f"curl -i {API}/api/me", tmp_path, replace)
