"""Every credential that a release of Better Auth has issued is accepted, and refused in time."""

from pathlib import Path
from typing import Final

import pytest

from tests.compat.captures import ALGORITHMS, FOLDER, Capture
from tests.compat.page import PAGE, row_of
from tests.compat.releases import PINNED, RELEASES
from tests.compat.verification import problems_of
from tests.documents import table_rows

pytestmark = pytest.mark.anyio

FILES: Final = sorted(FOLDER.glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_what_a_release_issued_is_accepted_and_nothing_else(path: Path) -> None:
    capture = Capture.load(path)
    problems = [
        problem for credential in capture.credentials for problem in await problems_of(credential)
    ]
    assert problems == []
    assert {f"token {algorithm}" for algorithm in ALGORITHMS} <= capture.kinds().keys()


def test_every_release_has_a_capture_and_a_row_in_the_table() -> None:
    names = [release.name for release in RELEASES]
    assert sorted(names) == [path.stem for path in FILES]
    rows = {row[0]: row[1:] for row in table_rows(PAGE, section="Releases")}
    captures = {name: Capture.load(FOLDER / f"{name}.json") for name in names}
    assert {name: rows[name] for name in names} == {
        name: row_of(capture) for name, capture in captures.items()
    }


def test_the_pinned_release_is_that_of_the_demo() -> None:
    assert f'"better-auth": "{PINNED.name}"' in (PINNED.lock / "package.json").read_text()
