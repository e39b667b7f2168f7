"""docs/add-a-resource.md: its steps work as written, on a copy of the project."""

import re
from pathlib import Path
from typing import Final

import pytest

from tests.documents import blocks, text_of
from tests.howto import check_types, perform, run
from tests.test_architecture import broken_contracts

PAGE: Final = Path("docs/add-a-resource.md")
FILES: Final = [*blocks("python", PAGE), *blocks("diff", PAGE)]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the resource that the page adds."""
    return perform(PAGE, tmp_path_factory.mktemp("project"))


def test_the_table_lists_every_file() -> None:
    listed = re.findall(r"^\| `([^`]+)` \|", text_of(PAGE), re.MULTILINE)
    assert set(listed) == {path for path in FILES if "/migrations/" not in path}


def test_the_tests_of_the_changed_project_pass(project: Path) -> None:
    output = run(
        project,
        "pytest",
        *("-p", "no:cacheprovider", "-q"),
        "tests/adapters/persistence/test_notes.py",
        "tests/adapters/persistence/test_user_data.py::"
        "test_every_table_with_user_ids_is_removed_from",
        "tests/adapters/persistence/schema/test_upgrades.py::"
        "test_every_single_downgrade_can_be_upgraded_again",
        "tests/adapters/persistence/postgres/test_row_level_security.py::"
        "test_every_table_with_user_ids_has_row_level_security",
        "tests/entrypoints/http/test_notes.py",
        "tests/entrypoints/http/openapi/test_rules.py",
    )
    assert " passed" in output


def test_the_linter_and_strict_types_accept_the_files(project: Path) -> None:
    files = [path for path in FILES if path.endswith(".py") and "/migrations/" not in path]
    files.append("backend/adapters/persistence/migrations/versions")
    run(project, "ruff", "check", "--no-cache", *files)
    run(project, "ruff", "format", "--check", "--no-cache", *files)
    check_types(project, *[path for path in files if path.endswith(".py")])


def test_the_changed_project_keeps_its_import_contracts(project: Path) -> None:
    assert broken_contracts(project) == ""
