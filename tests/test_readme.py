"""The code in README.md, llms.txt and docs/: it runs as written, in a copy of this project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.alone.environments import environment_with
from tests.documents import LLMS, README, ROOT, blocks, text_of
from tests.howto import check_types, copy

PROTECTED_ROUTES: Final = Path("docs/protected-routes.md")
PROVIDER: Final = Path("docs/swap-the-provider.md")

PAGES: Final = (README, PROTECTED_ROUTES, PROVIDER)

APP: Final = "main.py"
APP_TEST: Final = "test_main.py"
ROUTE: Final = "backend/entrypoints/http/notes.py"
ROUTE_TEST: Final = "tests/entrypoints/http/test_notes.py"
ADAPTER: Final = "backend/adapters/auth/opaque.py"

both_apps: Final = pytest.mark.parametrize("page", [README, LLMS], ids=os.fspath)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Copy this project, and make the changes of the README and the page on protected routes."""
    for name in ("backend", "tests"):
        copy(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    change(tmp_path, README, PROTECTED_ROUTES)
    return tmp_path


@pytest.fixture
def swapped(project: Path) -> Path:
    """Make the changes of the page on providers too."""
    change(project, PROVIDER)
    return project


def change(folder: Path, *pages: Path) -> None:
    """Write the files that pages show, and apply their diffs."""
    for name, text in blocks("python", *pages).items():
        (folder / name).write_text(text)
    for name, text in blocks("diff", *pages).items():
        apply(text, folder / name)


def apply(diff: str, path: Path) -> None:
    """Replace each `-` line of a file by the `+` lines that follow it."""
    for old, added in re.findall(r"^-(.*\n)((?:\+.*\n)+)", diff, re.MULTILINE):
        new, text = re.sub(r"^\+", "", added, flags=re.MULTILINE), path.read_text()
        if f"\n{new}" not in text:  # otherwise this project has the change already
            assert f"\n{old}" in text
            path.write_text(text.replace(f"\n{old}", f"\n{new}"))


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a Python module in a folder, as a contributor would."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env=environment_with({}),
        capture_output=True,
        text=True,
        check=False,
    )


def assert_passes(folder: Path, *arguments: str, output: str = "") -> None:
    """Run a Python module in a folder; it must succeed and print the expected output."""
    finished = run(folder, *arguments)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert output in finished.stdout


def test_the_pages_show_the_files_that_the_tests_run() -> None:
    assert blocks("python", README).keys() == blocks("python", LLMS).keys() == {APP, APP_TEST}
    assert blocks("python", PROTECTED_ROUTES).keys() == {ROUTE}
    assert blocks("python", PROVIDER).keys() == {ADAPTER}
    assert len(blocks("diff", PROTECTED_ROUTES)) == len(blocks("diff", PROVIDER)) == 1


def test_the_test_of_a_protected_route_has_at_most_eight_lines() -> None:
    lines = blocks("python", README)[APP_TEST].splitlines()
    assert len([line for line in lines if line and not line.startswith("#")]) <= 8


@both_apps
def test_an_app_and_its_test_run_as_they_are_written(project: Path, page: Path) -> None:
    change(project, page)
    assert_passes(project, "pytest", APP_TEST, "-p", "no:cacheprovider", output="1 passed")


RUN_APP: Final = """
from fastapi.testclient import TestClient

from backend.testing import bearer, secret_token
from main import app

SECRET = "s" * 32
with TestClient(app) as client:
    assert client.get("/").json() == "Everyone may read this."
    assert client.get("/notes").status_code == 401
    headers = bearer(secret_token(SECRET, sub="ada"))
    assert client.get("/notes", headers=headers).json() == ["a note of ada"]
"""


@both_apps
def test_an_app_authenticates_with_the_variables_of_better_auth(
    project: Path, page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(project, page)
    monkeypatch.setenv("BETTER_AUTH_SECRET", "s" * 32)
    (project / "run_app.py").write_text(RUN_APP)
    assert_passes(project, "run_app")


ROUTE_TESTS: Final = '''
"""The notes, as a user and as an administrator."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from backend.adapters.persistence.memory import InMemoryDatabase
from backend.container import Container
from backend.entrypoints.http.app import create_app
from backend.settings import Settings
from backend.testing import FakeTokenVerifier, bearer, principal


@pytest.fixture
def client() -> Iterator[TestClient]:
    """Make a client of an app that knows a user and an administrator."""
    known = {"user": principal("ada"), "admin": principal("bob", roles=["admin"])}
    container = Container(
        settings=Settings(),
        token_verifier=FakeTokenVerifier(known),
        database=InMemoryDatabase(),
    )
    with TestClient(create_app(container)) as client:
        yield client


def test_callers_get_their_own_notes(client: TestClient) -> None:
    """Ask for the notes of a user."""
    response = client.get("/api/notes", headers=bearer("user"))
    assert response.json() == ["a note of ada, ada@example.com"]
'''

ROLE_TEST: Final = '''

def test_only_administrators_see_the_notes_of_all_users(client: TestClient) -> None:
    """Ask as a user, and as an administrator."""
    for token, status in (("user", 403), ("admin", 200)):
        assert client.get("/api/notes/all", headers=bearer(token)).status_code == status
'''


def test_a_route_runs_as_it_is_written(project: Path) -> None:
    (project / ROUTE_TEST).write_text(ROUTE_TESTS)
    assert_passes(project, "pytest", ROUTE_TEST, "-p", "no:cacheprovider", output="1 passed")


def test_a_route_for_a_role_is_for_that_role_only(project: Path) -> None:
    fragment = rf"^```python\n# {ROUTE}, with `([^`]*)`\n(.*?)^```$"
    found = re.search(fragment, text_of(PROTECTED_ROUTES), re.DOTALL | re.MULTILINE)
    assert found is not None
    text = (project / ROUTE).read_text()
    imports = "from backend.entrypoints.http import CurrentPrincipal, ProtectedRoute"
    assert f"{imports}\n" in text
    text = text.replace(imports, found[1])
    (project / ROUTE).write_text(f"{text}\n\n{found[2]}")
    (project / ROUTE_TEST).write_text(ROUTE_TESTS + ROLE_TEST)
    assert_passes(project, "pytest", ROUTE_TEST, "-p", "no:cacheprovider", output="2 passed")
    for command in (["check"], ["format", "--check"]):
        assert_passes(project, "ruff", *command, "--no-cache", ROUTE)


PROVIDER_TEST: Final = '''
"""Tokens of another provider."""

from fastapi.testclient import TestClient

from backend.adapters.auth.opaque import OpaqueTokenVerifier
from backend.adapters.persistence.memory import InMemoryDatabase
from backend.container import Container
from backend.domain.auth import Principal
from backend.entrypoints.http.app import create_app
from backend.settings import Settings


def ask(token: str, **overrides: object) -> tuple[int, str | None]:
    container = Container(settings=Settings(), database=InMemoryDatabase(), **overrides)
    with TestClient(create_app(container)) as client:
        response = client.get("/api/me", headers={"Authorization": f"Bearer {token}"})
    return response.status_code, response.json().get("user_id") or response.json()["code"]


def test_the_provider_decides_which_tokens_are_valid() -> None:
    """Send a known token, an unknown token, and an expired token."""
    assert ask("a-token") == (200, "alice")
    assert ask("another") == (401, "invalid_token")
    expired = OpaqueTokenVerifier({"a-token": Principal(user_id="bob", expires_at=1)})
    assert ask("a-token", token_verifier=expired) == (401, "token_expired")
'''


def test_another_provider_is_an_adapter_and_a_line(swapped: Path) -> None:
    test = "tests/test_another_provider.py"
    (swapped / test).write_text(PROVIDER_TEST)
    assert_passes(swapped, "pytest", test, "-p", "no:cacheprovider", output="1 passed")
    check_types(swapped, "backend")


def test_the_linter_accepts_the_code_of_the_pages(swapped: Path) -> None:
    files = [*blocks("python", *PAGES), *blocks("diff", *PAGES)]
    assert_passes(swapped, "ruff", "format", "--check", "--no-cache", *files)
    documented = [name for name in files if name not in {APP, APP_TEST}]  # these show only code
    assert_passes(swapped, "ruff", "check", "--no-cache", *documented)
    change(swapped, LLMS)
    assert_passes(swapped, "ruff", "format", "--check", "--no-cache", APP, APP_TEST)
