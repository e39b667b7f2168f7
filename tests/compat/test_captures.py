"""Every credential that a release of Better Auth has issued is accepted, and refused in time."""

import json

import pytest

from tests.compat.captures import ALGORITHMS, FOLDER, Capture
from tests.compat.page import PAGE, row_of
from tests.compat.releases import PINNED, RELEASES
from tests.compat.verification import problems_of
from tests.documents import ROOT, table_rows


@pytest.fixture(scope="module")
def captures() -> dict[str, Capture]:
    return {path.stem: Capture.load(path) for path in FOLDER.glob("*.json")}


@pytest.mark.anyio
async def test_what_a_release_issued_is_accepted_only_in_time_unchanged_and_by_its_api(
    captures: dict[str, Capture],
) -> None:
    assert await problems_of(*captures.values()) == []


def test_every_release_issued_a_token_of_each_algorithm(captures: dict[str, Capture]) -> None:
    tokens = {f"token {algorithm}" for algorithm in ALGORITHMS}
    missing = {name: tokens - capture.kinds().keys() for name, capture in captures.items()}
    assert not any(missing.values()), missing


def test_every_release_has_a_capture_and_a_row_in_the_table(captures: dict[str, Capture]) -> None:
    names = {release.name for release in RELEASES}
    rows = {row[0]: row[1:] for row in table_rows(PAGE, section="Releases")[1:]}
    assert {name: row_of(capture) for name, capture in captures.items()} == rows
    assert captures.keys() == names


def test_the_pinned_release_is_that_of_the_demo() -> None:
    package = json.loads((ROOT / "demo" / "package.json").read_text())
    assert package["dependencies"]["better-auth"] == PINNED.name
