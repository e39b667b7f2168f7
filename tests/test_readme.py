"""The code in README.md and docs/: it runs as written, in a copy of this project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.documents import README, ROOT, blocks, text_of

PROTECTED_ROUTES: Final = Path("docs/protected-routes.md")
PROVIDER: Final = Path("docs/swap-the-provider.md")

ROUTE: Final = "backend/entrypoints/http/notes.py"
ROUTE_TEST: Final = "tests/entrypoints/http/test_notes.py"
ADAPTER: Final = "backend/adapters/auth/opaque.py"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Copy this project, and make the changes that the README and the page on providers show."""
    for name in ("backend", "tests"):
        shutil.copytree(
            ROOT / name,
            tmp_path / name,
            ignore=shutil.ignore_patterns("__pycache__", "node_modules"),
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name, text in blocks("python", README, PROVIDER).items():
        (tmp_path / name).write_text(text)
    for name, text in blocks("diff", README, PROVIDER).items():
        apply(text, tmp_path / name)
    return tmp_path


def apply(diff: str, path: Path) -> None:
    """Replace each `-` line of a file by the `+` lines that follow it."""
    for old, added in re.findall(r"^-(.*\n)((?:\+.*\n)+)", diff, re.MULTILINE):
        new, text = re.sub(r"^\+", "", added, flags=re.MULTILINE), path.read_text()
        if f"\n{new}" not in text:  # otherwise this project has the change already
            assert f"\n{old}" in text
            path.write_text(text.replace(f"\n{old}", f"\n{new}"))


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a Python module in a folder, as a contributor would."""
    environment = {name: value for name, value in os.environ.items() if "COV" not in name}
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env=environment,
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
    assert blocks("python", README).keys() == {ROUTE, ROUTE_TEST}
    assert blocks("python", PROVIDER).keys() == {ADAPTER}
    assert len(blocks("diff", README)) == len(blocks("diff", PROVIDER)) == 1


def test_a_route_and_its_test_run_as_they_are_written(project: Path) -> None:
    assert_passes(project, "pytest", ROUTE_TEST, "-p", "no:cacheprovider", output="1 passed")


ROLE_TEST: Final = '''

def test_only_administrators_see_everybodys_notes() -> None:
    """Ask as a user, and as an administrator."""
    known = {"user": principal("ada"), "admin": principal("bob", roles=frozenset({"admin"}))}
    container = Container(
        settings=Settings(),
        token_verifier=FakeTokenVerifier(known),
        database=InMemoryDatabase(),
    )
    with TestClient(create_app(container)) as client:
        for token, status in (("user", 403), ("admin", 200)):
            headers = {"Authorization": f"Bearer {token}"}
            assert client.get("/api/notes/all", headers=headers).status_code == status
'''


def test_a_route_for_a_role_is_for_that_role_only(project: Path) -> None:
    fragment = rf"^```python\n# {ROUTE}, with `([^`]*)`\n(.*?)^```$"
    found = re.search(fragment, text_of(PROTECTED_ROUTES), re.DOTALL | re.MULTILINE)
    assert found is not None
    text = (project / ROUTE).read_text()
    assert "from fastapi import APIRouter\n" in text
    text = text.replace("from fastapi import APIRouter", found[1])
    (project / ROUTE).write_text(f"{text}\n\n{found[2]}")
    with (project / ROUTE_TEST).open("a") as file:
        file.write(ROLE_TEST)
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


def test_another_provider_is_an_adapter_and_a_line(project: Path) -> None:
    test = "tests/test_another_provider.py"
    (project / test).write_text(PROVIDER_TEST)
    assert_passes(project, "pytest", test, "-p", "no:cacheprovider", output="1 passed")
    assert_passes(project, "mypy", "backend")


def test_the_linter_accepts_the_code_of_the_pages(project: Path) -> None:
    files = [*blocks("python", README, PROVIDER), *blocks("diff", README, PROVIDER)]
    for command in (["check"], ["format", "--check"]):
        assert_passes(project, "ruff", *command, "--no-cache", *files)
