"""The code in docs/testing.md: it runs as written, in a folder of its own."""

import re
import shutil
from pathlib import Path
from typing import Final

import pytest

from tests.documents import ROOT, blocks
from tests.howto import check_types
from tests.test_readme import assert_passes, run

PAGE: Final = Path("docs/testing.md")
FILES: Final = blocks("python", PAGE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the page shows, and the settings of this project's tools."""
    folder = tmp_path_factory.mktemp("adopter")
    (folder / "backend").symlink_to(ROOT / "backend")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


def test_the_page_shows_an_app_and_its_tests() -> None:
    assert {"notes.py", "conftest.py", "test_outage.py", "test_rotation.py"} <= FILES.keys()


def test_the_tests_of_the_page_pass(folder: Path) -> None:
    done = run(folder, "pytest", ".", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout + done.stderr
    (passed,) = re.findall(r"(\d+) passed", done.stdout)
    assert int(passed) >= len([name for name in FILES if name.startswith("test_")])


def test_the_linter_and_strict_types_accept_the_code_of_the_page(folder: Path) -> None:
    assert_passes(folder, "ruff", "check", "--no-cache", "--ignore=ARG,D,INP,PLR2004,S101", *FILES)
    assert_passes(folder, "ruff", "format", "--check", "--no-cache", *FILES)
    check_types(folder, *FILES)


def test_a_test_of_a_protected_route_has_at_most_eight_lines() -> None:
    lines = [line for line in FILES["test_override.py"].splitlines() if line]
    assert len(lines) <= 8
