"""Performs the steps of how-to pages that change this project, on a copy of it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from backend.adapters.persistence.schema.revisions import known_revisions
from tests.alone.environments import environment_with
from tests.documents import ROOT, blocks, text_of

# In the migrations on the pages; later migrations of the project may have taken these numbers.
REVISION: Final = "0007"
DOWN_REVISION: Final = "0006"


def perform(page: Path, folder: Path) -> Path:
    """Copy this project into an empty folder, make the changes of a page, and return the folder.

    The page has Python blocks, which are files, and diffs. One of the files is a migration, which
    a command on the page creates.
    """
    for name in ("backend", "docs", "tests"):
        copy(ROOT / name, folder / name)
    shutil.copy(ROOT / "pyproject.toml", folder)
    for path, text in blocks("python", page).items():
        if "/migrations/" in path:
            _create_migration(folder, page, path, text)
        else:
            (folder / path).write_text(text, "utf-8")
    for path, diff in blocks("diff", page).items():
        apply(folder / path, diff)
    return folder


def copy(source: Path, target: Path) -> None:
    """Copy a folder with its compiled modules, without those that a test is about to write."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("node_modules", "*.pyc.*"))


def apply(path: Path, diff: str) -> None:
    """Make the changes of a diff, each at the only place with its old lines."""
    text = path.read_text("utf-8")
    for hunk in re.split(r"^@@.*\n", diff, flags=re.MULTILINE)[1:]:
        lines = hunk.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] in " -")
        new = "".join(line[1:] for line in lines if line[0] in " +")
        assert text.count(f"\n{old}") == 1, f"{path}: {old}"
        text = text.replace(f"\n{old}", f"\n{new}")
    path.write_text(text, "utf-8")


def run(folder: Path, *arguments: str) -> str:
    """Run a Python module in a folder as a developer would, and return its output."""
    result = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        # Hypothesis keeps tables there that take seconds to make.
        env=environment_with({"HYPOTHESIS_STORAGE_DIRECTORY": str(ROOT / ".hypothesis")}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def check_types(folder: Path, *paths: str) -> None:
    """Check types in a copy of the project, with the cache of `make types` for equal files."""
    cache = folder / ".mypy_cache"
    if (ROOT / cache.name).exists() and not cache.exists():
        shutil.copytree(ROOT / cache.name, cache)
    run(folder, "mypy", *paths)


def _create_migration(folder: Path, page: Path, path: str, text: str) -> None:
    """Create the file of a migration with the command on the page, and replace its functions."""
    latest = known_revisions()[-1]
    number = f"{int(latest) + 1:04}"
    created = path.replace(REVISION, number)
    (command,) = re.findall(r"python -m (backend revision .*)", text_of(page))
    name, subcommand, message = command.replace('"', "").split(maxsplit=2)
    assert created in run(folder, name, subcommand, message)
    text = text.replace(DOWN_REVISION, latest).replace(f'"{REVISION}"', f'"{number}"')
    template = (folder / created).read_text("utf-8").partition("def ")[0]
    assert text.split()[: len(template.split())] == template.split()
    (folder / created).write_text(text, "utf-8")
