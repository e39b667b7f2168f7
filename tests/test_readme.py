"""The documents: what they show runs as written, and what they name is there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from backend.settings import Settings

ROOT: Final = Path(__file__).parents[1]
README: Final = (ROOT / "README.md").read_text()
DOCUMENTS: Final = sorted(
    path.relative_to(ROOT)
    for path in (*ROOT.glob("[A-Z]*.md"), *ROOT.glob("docs/**/*.md"))
    if path.name != "CHANGELOG.md"  # which tells of what there once was
)

# What is made by whoever follows the documents, and is in no checkout.
MADE: Final = frozenset(
    {
        "backend/adapters/auth/opaque.py",
        "backend/entrypoints/http/notes.py",
        "tests/entrypoints/http/test_notes.py",
    }
)


FRAGMENT: Final = re.DOTALL | re.MULTILINE


def blocks(language: str) -> dict[str, str]:
    """Return the README's blocks in a language, by the file that the first line of each names."""
    found = re.findall(rf"^```{language}\n ?# (\S+)\n(.*?)^```$", README, FRAGMENT)
    return dict(found)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of this project, in which somebody did what the README says about changing it."""
    for name in ("backend", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name, text in blocks("python").items():
        (tmp_path / name).write_text(text)
    for name, text in blocks("diff").items():
        path = tmp_path / name
        for old, added in re.findall(r"^-(.*\n)((?:\+.*\n)+)", text, re.MULTILINE):
            new, there = re.sub(r"^\+", "", added, flags=re.MULTILINE), path.read_text()
            if f"\n{new}" not in there:  # else it was done to this project already
                assert f"\n{old}" in there
                path.write_text(there.replace(f"\n{old}", f"\n{new}"))
    return tmp_path


def check(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one of the checks in a folder, as a contributor would."""
    environment = {name: value for name, value in os.environ.items() if "COV" not in name}
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_route_and_its_test_run_as_they_are_written(project: Path) -> None:
    assert blocks("python").keys() == MADE
    tests = ["tests/entrypoints/http/test_notes.py", "-p", "no:cacheprovider"]
    ran = check(project, "pytest", *tests)
    assert "1 passed" in ran.stdout, ran.stdout + ran.stderr


REQUEST: Final = '''

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
    _, name, test = sorted(MADE)
    found = re.search(rf"^```python\n# {name}, with `([^`]*)`\n(.*?)^```$", README, FRAGMENT)
    assert found is not None
    text = (project / name).read_text()
    assert "from fastapi import APIRouter\n" in text
    text = text.replace("from fastapi import APIRouter", found[1])
    (project / name).write_text(f"{text}\n\n{found[2]}")
    with (project / test).open("a") as file:
        file.write(REQUEST)
    ran = check(project, "pytest", test, "-p", "no:cacheprovider")
    assert "2 passed" in ran.stdout, ran.stdout + ran.stderr
    for command in (["check"], ["format", "--check"]):
        ran = check(project, "ruff", *command, "--no-cache", name)
        assert ran.returncode == 0, ran.stdout + ran.stderr


PROVIDER: Final = '''
"""Another provider's tokens."""

from fastapi.testclient import TestClient

from backend.adapters.auth.opaque import OpaqueTokenVerifier
from backend.adapters.persistence.memory import InMemoryDatabase
from backend.container import Container
from backend.domain.auth import Principal
from backend.entrypoints.http.app import create_app
from backend.settings import Settings


def ask(token: str, **chosen: object) -> tuple[int, str | None]:
    container = Container(settings=Settings(), database=InMemoryDatabase(), **chosen)
    with TestClient(create_app(container)) as client:
        answer = client.get("/api/me", headers={"Authorization": f"Bearer {token}"})
    return answer.status_code, answer.json().get("user_id") or answer.json()["code"]


def test_its_tokens_are_what_counts() -> None:
    """Ask with one that is known, with another one, and with one that has ended."""
    assert ask("a-token") == (200, "alice")
    assert ask("another") == (401, "invalid_token")
    ended = OpaqueTokenVerifier({"a-token": Principal(user_id="bob", expires_at=1)})
    assert ask("a-token", token_verifier=ended) == (401, "token_expired")
'''


def test_another_provider_is_an_adapter_and_a_line(project: Path) -> None:
    (project / "tests/test_another_provider.py").write_text(PROVIDER)
    ran = check(project, "pytest", "tests/test_another_provider.py", "-p", "no:cacheprovider")
    assert "1 passed" in ran.stdout, ran.stdout + ran.stderr
    assert check(project, "mypy", "backend").returncode == 0


def test_what_the_readme_adds_is_accepted_by_the_linter(project: Path) -> None:
    files = [*blocks("python"), *blocks("diff")]
    for command in (["check"], ["format", "--check"]):
        ran = check(project, "ruff", *command, "--no-cache", *files)
        assert ran.returncode == 0, ran.stdout + ran.stderr


def paths_of(document: Path) -> set[str]:
    """Return what in a document is the path of a file or folder of this project."""
    text = (ROOT / document).read_text()
    rooms = r"(?:backend|tests|docs|benchmarks|demo|deploy|requirements|adapters|entrypoints)"
    named = re.findall(rf"(?<![\w/.}}-])({rooms}/[\w./-]*[\w/]|[\w]+\.py)(?![\w*{{<])", text)
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    at = (ROOT / document).parent
    return {*named, *(os.fspath(os.path.relpath(at / link, ROOT)) for link in links)}


def is_there(name: str) -> bool:
    """Tell whether there is a path, from the root or from backend/, or a module of a bare name."""
    if "/" not in name and any((ROOT / "backend").rglob(name)):
        return True
    if "node_modules" in name:
        return True  # once it is installed
    return any((ROOT / room / name).exists() for room in (".", "backend"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=os.fspath)
def test_whatever_a_document_names_is_there(document: Path) -> None:
    missing = {name for name in paths_of(document) if name not in MADE and not is_there(name)}
    assert not missing


def test_the_table_of_variables_has_every_setting_and_no_other() -> None:
    table = README.partition("## Configuration")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)]
    assert sorted(named) == sorted(name.upper() for name in Settings.model_fields)
