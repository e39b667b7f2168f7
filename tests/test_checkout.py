"""The checkout: the files that stay out of Git, and the change log of the release."""

import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

import pytest

from backend import __version__
from backend.entrypoints.cli.secret_file import SECRET_FILE

ROOT: Final = Path(__file__).parents[1]
DOCUMENTS: Final = [ROOT / "README.md", *ROOT.glob("docs/*.md")]
IGNORED: Final = (ROOT / ".gitignore").read_text().split()

# Files with credentials or data that the program itself reads or writes.
FILES: Final = [".env", ".env.production", "todos.db", str(SECRET_FILE)]


def files_of(document: Path) -> list[str]:
    """Return the files that the commands of a document read from and write to."""
    blocks = re.findall(
        r"^ *```console\n(.*?)^ *```$", document.read_text(), re.DOTALL | re.MULTILINE
    )
    return [name for block in blocks for name in re.findall(r" (?:-b|-c|<|>) ([\w.-]+)", block)]


@pytest.mark.parametrize(
    "name", sorted({*FILES, *(name for path in DOCUMENTS for name in files_of(path))})
)
def test_files_with_credentials_stay_out_of_git(name: str) -> None:
    assert any(fnmatch(name, pattern.strip("/")) for pattern in IGNORED)


def test_the_documents_are_searched_for_such_files() -> None:
    assert {"cookies", "token.txt"} <= {name for path in DOCUMENTS for name in files_of(path)}


def test_the_change_log_has_a_dated_section_for_this_version() -> None:
    section = rf"^## {re.escape(__version__)} - \d{{4}}-\d\d-\d\d$"
    assert re.search(section, (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
