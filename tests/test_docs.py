"""The pages: links lead somewhere, tables agree with the code, and the English is plain."""

import os
import re
from enum import Enum
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import SecretStr

from backend.domain.auth import AuthError, InvalidTokenError
from backend.domain.revocation import RevokedTokenError
from backend.entrypoints.http.auth.session_cookies import MalformedCookieError
from backend.settings import Settings
from tests.documents import (
    PAGES,
    README,
    ROOT,
    anchors,
    blocks,
    links,
    pictures,
    prose_lines,
    sentences,
    table_rows,
    text_of,
)
from tests.scrape import full_scrape, labels_of

README_MAX_LINES: Final = 200
PERFORMANCE_MAX_LINES: Final = 120
DECISION_MAX_LINES: Final = 40
LINE_MAX_LENGTH: Final = 120
SENTENCE_MAX_WORDS: Final = 30
ALTERNATIVE_MIN_LENGTH: Final = 10

SETTINGS: Final = Path("docs/settings.md")
ERRORS: Final = Path("docs/errors.md")
MONITORING: Final = Path("docs/monitoring.md")
SECURITY: Final = Path("SECURITY.md")

# The name of a test, with a link to its file.
LINKED_TEST: Final = re.compile(r"\[`(test_\w+)`\]\((tests/[\w/]+\.py)\)")

# Files that a reader of the pages creates; no checkout contains them.
CREATED_BY_READERS: Final = frozenset(blocks("python", *PAGES))

every_page: Final = pytest.mark.parametrize("page", PAGES, ids=os.fspath)


@every_page
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    broken = []
    for link in links(page):
        if link.startswith(("http://", "https://")):
            continue
        target, _, anchor = link.partition("#")
        path = Path(os.path.normpath(page.parent / target)) if target else page
        if not (ROOT / path).exists() or (anchor and anchor not in anchors(path)):
            broken.append(link)
    assert broken == []


def test_pictures_of_the_pages_have_alternative_texts() -> None:
    texts = {target: text for page in PAGES for target, text in pictures(page).items()}
    assert {target for target in texts if target.startswith("docs/images/")}
    assert {target for target, text in texts.items() if len(text) < ALTERNATIVE_MIN_LENGTH} == set()


def test_pictures_drawn_by_hand_have_a_title_and_dark_colours() -> None:
    drawings = list((ROOT / "docs/images").glob("*.svg"))
    assert drawings
    for drawing in drawings:
        text = drawing.read_text()
        assert re.search(r"<title[^>]*>.+</title>", text)
        assert "@media (prefers-color-scheme: dark)" in text


def paths_named_in(page: Path) -> set[str]:
    """Return the paths of files and folders of this project that a page names."""
    folders = r"(?:backend|tests|docs|benchmarks|demo|requirements|adapters|entrypoints)"
    name = rf"(?<![\w/.}}-])({folders}/[\w./-]*[\w/]|[\w]+\.py)(?![\w*{{<])"
    return set(re.findall(name, text_of(page)))


def is_in_checkout(name: str) -> bool:
    """Whether a path exists below the root or backend/, or a bare name is one of its modules."""
    if "/" not in name and any((ROOT / "backend").rglob(name)):
        return True
    if "node_modules" in name:
        return True  # `make test` creates it
    return any((ROOT / folder / name).exists() for folder in (".", "backend"))


@every_page
def test_files_that_a_page_names_exist(page: Path) -> None:
    names = paths_named_in(page) - CREATED_BY_READERS
    assert {name for name in names if not is_in_checkout(name)} == set()


@every_page
def test_prose_lines_are_short(page: Path) -> None:
    assert [line for line in prose_lines(page) if len(line) > LINE_MAX_LENGTH] == []


@every_page
def test_sentences_are_short(page: Path) -> None:
    too_long = [
        sentence for sentence in sentences(page) if len(sentence.split()) > SENTENCE_MAX_WORDS
    ]
    assert too_long == []


def test_sentences_are_found_in_paragraphs_and_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        "# A heading\n\nOne `a b c` is [a link](x.md). **Two.** Three\nends here.\n\n"
        "- item. More\n  of it\n\n| a | table |\n\n```sh\ncode. code.\n```\n"
    )
    (tmp_path / "page.md").write_text(text)
    monkeypatch.setattr("tests.documents.ROOT", tmp_path)
    assert list(sentences(Path("page.md"))) == [
        *("One code is a link.", "**Two.**", "Three ends here.", "item.", "More of it"),
    ]


def test_pages_keep_to_their_lengths() -> None:
    limits = {
        README: README_MAX_LINES,
        Path("docs/performance.md"): PERFORMANCE_MAX_LINES,
        **{page: DECISION_MAX_LINES for page in PAGES if re.search(r"decisions/\d", str(page))},
    }
    lengths = {page: len(text_of(page).splitlines()) for page in limits}
    assert {page: length for page, length in lengths.items() if length > limits[page]} == {}


def test_the_index_of_decisions_lists_every_record() -> None:
    index = Path("docs/decisions/README.md")
    records = {page.name for page in PAGES if re.search(r"decisions/\d", str(page))}
    assert {link for link in links(index) if link[:4].isdecimal()} == records


def test_the_index_of_pages_lists_every_page() -> None:
    index = Path("docs/README.md")
    pages = {page.name for page in PAGES if page.parent == index.parent} - {index.name}
    assert pages <= set(links(index))


def test_the_tests_that_prove_the_threat_model_exist() -> None:
    linked = LINKED_TEST.findall(text_of(SECURITY))
    sources = {file: (ROOT / file).read_text("utf-8") for _, file in linked}
    missing = [
        f"{file}::{name}"
        for name, file in linked
        if not re.search(rf"^(?:async )?def {name}\(", sources[file], re.MULTILINE)
    ]
    assert missing == []


def test_every_attack_of_the_threat_model_has_a_test() -> None:
    _, _, tables = text_of(SECURITY).partition("## What is refused")
    rows = re.findall(r"^\| (?!attack ).*\|$", tables.partition("\n## ")[0], re.MULTILINE)
    assert len(rows) > 20
    assert [row for row in rows if not LINKED_TEST.search(row)] == []


def as_in_the_table(default: Any) -> str | None:
    """Write the default of a setting as the table shows it; None if the setting is not set."""
    if default is None or default == ():
        return None
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    return str(default.value) if isinstance(default, Enum) else str(default)


def test_the_table_of_settings_has_every_variable_with_its_default() -> None:
    rows = [row for row in table_rows(SETTINGS) if re.fullmatch(r"`[A-Z_]+`", row[0])]
    documented = {row[0].strip("`"): row[-1] for row in rows}
    assert len(documented) == len(rows)
    expected = {
        name.upper(): as_in_the_table(field.default)
        for name, field in Settings.model_fields.items()
    }
    # A default in code style is the value in the code; a default in words means "not set".
    actual = {
        name: cell.strip("`") if re.fullmatch(r"`[^`]+`", cell) else None
        for name, cell in documented.items()
    }
    assert actual == expected


def test_the_table_of_metrics_has_every_metric_with_its_labels() -> None:
    documented = {
        name: set(re.findall(r"`(\w+)`", row[1]))
        for row in table_rows(MONITORING, section="Metrics")
        if len(row) == 3
        for name in re.findall(r"`([a-z_]+)`", row[0])
    }
    actual = {
        f"{family.name}_total" if family.type == "counter" else family.name: labels_of(family)
        for family in full_scrape()
        if not family.name.startswith("python_")
    }
    assert documented == actual


def auth_errors(kind: type[AuthError] = AuthError) -> list[type[AuthError]]:
    """Return the classes of refusals in the domain that are raised themselves."""
    subclasses = [error for error in kind.__subclasses__() if error.__module__ == kind.__module__]
    raised = [] if kind in {AuthError, InvalidTokenError} else [kind]
    return raised + [error for subclass in subclasses for error in auth_errors(subclass)]


def test_the_table_of_refusals_has_every_code_and_reason() -> None:
    rows = [row for row in table_rows(ERRORS) if len(row) == 3 and row[0].startswith("401 ")]
    documented = {(row[0].removeprefix("401 ").strip("`"), row[1].strip("`")) for row in rows}
    errors: list[type[AuthError]] = [*auth_errors(), MalformedCookieError, RevokedTokenError]
    assert documented == {(error.code, error.reason) for error in errors}
