"""docs/add-a-field.md: its steps work as written, on a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from backend.adapters.persistence.schema.revisions import known_revisions
from tests.documents import ROOT, blocks, text_of

PAGE: Final = Path("docs/add-a-field.md")

# In the migration on the page; later migrations of the project may have taken these numbers.
REVISION: Final = "0006"
DOWN_REVISION: Final = "0005"


def apply(path: Path, diff: str) -> None:
    """Make the changes of a diff, each at the one place with its old lines."""
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
    environment = {name: value for name, value in os.environ.items() if "COV" not in name}
    result = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the field that the page adds."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("backend", "docs", "tests"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules")
        )
    shutil.copy(ROOT / "pyproject.toml", folder)
    ((page_name, migration),) = blocks("python", PAGE).items()
    latest = known_revisions()[-1]
    number = f"{int(latest) + 1:04}"
    created = page_name.replace(REVISION, number)
    (command,) = re.findall(r"python -m (backend revision .*)", text_of(PAGE))
    name, subcommand, message = command.replace('"', "").split(maxsplit=2)
    assert created in run(folder, name, subcommand, message)
    template = (folder / created).read_text("utf-8")
    migration = migration.replace(DOWN_REVISION, latest).replace(f'"{REVISION}"', f'"{number}"')
    assert template.partition("def ")[0].split() == migration.partition("_text = ")[0].split()
    (folder / created).write_text(migration, "utf-8")
    for path, diff in blocks("diff", PAGE).items():
        apply(folder / path, diff)
    return folder


def test_it_takes_seven_files() -> None:
    files = {**blocks("python", PAGE), **blocks("diff", PAGE)}
    assert len(files) == 7
    assert [path for path in blocks("diff", PAGE) if f"| `{path}` |" not in text_of(PAGE)] == []


def test_the_tests_of_the_changed_project_pass(project: Path) -> None:
    options = ("-p", "no:cacheprovider", "-q", "-k", "not partitioned")
    output = run(
        project,
        "pytest",
        *options,
        "tests/adapters/persistence/test_contract.py",
        "tests/adapters/persistence/test_idempotency.py",
        "tests/adapters/persistence/schema/test_upgrades.py",
        "tests/adapters/persistence/schema/test_constraints.py",
        "tests/entrypoints/http/todos",
        "tests/domain/test_todo.py",
    )
    assert " passed" in output


def test_the_changed_files_are_accepted_by_the_linter(project: Path) -> None:
    files = [*blocks("diff", PAGE), "backend/adapters/persistence/migrations/versions"]
    run(project, "ruff", "check", "--no-cache", *files)
    run(project, "ruff", "format", "--check", "--no-cache", *files)


def test_the_changed_types_are_consistent(project: Path) -> None:
    run(project, "mypy", "--cache-dir", os.devnull, "backend/adapters/persistence")


def test_the_field_is_stored_by_a_migrated_database(project: Path) -> None:
    program = """
import asyncio
from datetime import UTC, datetime
from pydantic import SecretStr
from backend.container import Container
from backend.domain.todo import Todo
from backend.domain.todo_list import TodoQuery
from backend.settings import Settings

async def main() -> None:
    container = Container(settings=Settings(database_url=SecretStr("sqlite:///todos.db")))
    await container.upgrade_schema()
    async with container.database():
        todo = Todo.create(now=datetime.now(UTC), title="Buy milk", location="Kitchen")
        await container.todos().add("alice", todo)
        (item,) = (await container.todos().list("alice", TodoQuery())).items
        print(item.location)

asyncio.run(main())
"""
    (project / "store.py").write_text(program, "utf-8")
    assert run(project, "store") == "Kitchen\n"
