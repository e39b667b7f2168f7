"""docs/add-a-field.md: its steps work as written, on a copy of the project."""

from pathlib import Path
from typing import Final

import pytest

from tests.documents import blocks, text_of
from tests.howto import check_types, perform, run

PAGE: Final = Path("docs/add-a-field.md")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the field that the page adds."""
    return perform(PAGE, tmp_path_factory.mktemp("project"))


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
        *(f"tests/entrypoints/http/todos/test_{name}.py" for name in ("create", "change", "list")),
        "tests/domain/test_todo.py",
    )
    assert " passed" in output


def test_the_changed_files_are_accepted_by_the_linter(project: Path) -> None:
    files = [*blocks("diff", PAGE), "backend/adapters/persistence/migrations/versions"]
    run(project, "ruff", "check", "--no-cache", *files)
    run(project, "ruff", "format", "--check", "--no-cache", *files)


def test_the_changed_types_are_consistent(project: Path) -> None:
    check_types(project, "backend/adapters/persistence")


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
    await container.migrate_schema()
    async with container.database():
        todo = Todo.create(now=datetime.now(UTC), title="Buy milk", location="Kitchen")
        await container.todos().add("alice", todo)
        (item,) = (await container.todos().list("alice", TodoQuery())).items
        print(item.location)

asyncio.run(main())
"""
    (project / "store.py").write_text(program, "utf-8")
    assert run(project, "store") == "Kitchen\n"
