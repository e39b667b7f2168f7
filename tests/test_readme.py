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
    {"backend/entrypoints/http/notes.py", "tests/entrypoints/http/test_notes.py"}
)


def blocks(language: str) -> dict[str, str]:
    """Return the README's blocks in a language, by the file that the first line of each names."""
    found = re.findall(rf"^```{language}\n ?# (\S+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return dict(found)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of this project, in which somebody did what the README says about a new route."""
    for name in ("backend", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name, text in blocks("python").items():
        (tmp_path / name).write_text(text)
    for name, text in blocks("diff").items():
        path = tmp_path / name
        for old, new in re.findall(r"^-(.*)\n\+(.*)\n", text, re.MULTILINE):
            assert f"\n{old}\n" in path.read_text()
            path.write_text(path.read_text().replace(f"\n{old}\n", f"\n{new}\n"))
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


def test_a_route_and_its_test_are_accepted_by_the_linter(project: Path) -> None:
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
    return any((ROOT / room / name).exists() for room in (".", "backend"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=os.fspath)
def test_whatever_a_document_names_is_there(document: Path) -> None:
    missing = {name for name in paths_of(document) - MADE if not is_there(name)}
    assert not missing


def test_the_table_of_variables_has_every_setting_and_no_other() -> None:
    table = README.partition("## Configuration")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)]
    assert sorted(named) == sorted(name.upper() for name in Settings.model_fields)
