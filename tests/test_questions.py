"""The page of questions and llms.txt: their form, and the names that they use."""

import re
from pathlib import Path
from typing import Final

import pytest

from backend.domain.auth import Principal
from backend.entrypoints import http
from tests.documents import LLMS, README, links, table_rows, text_of

QUESTIONS: Final = Path("docs/questions.md")
ERRORS: Final = Path("docs/errors.md")

ANSWER_MAX_LINES: Final = 12  # of prose, with the link at the end
LLMS_MAX_LINES: Final = 165

# Names of FastAPI, and of PyJWT.
FOREIGN: Final = frozenset({"dependency_overrides", "verify_aud"})


def answers() -> dict[str, str]:
    """Return the answers of the page, by their questions."""
    _, *parts = re.split(r"^### +(.+)$", text_of(QUESTIONS), flags=re.MULTILINE)
    bodies = [re.split(r"^## ", body, flags=re.MULTILINE)[0].strip() for body in parts[1::2]]
    return dict(zip(parts[::2], bodies, strict=True))


def test_no_question_is_asked_twice() -> None:
    headings = re.findall(r"^### +(.+)$", text_of(QUESTIONS), re.MULTILINE)
    assert len(headings) == len(answers()) > 30


@pytest.mark.parametrize("question", answers())
def test_an_answer_is_short_and_ends_with_a_link(question: str) -> None:
    *answer, last = answers()[question].split("\n\n")
    assert re.match(r"Details: \[", last)
    assert re.search(r"\]\([^)]+\)\.$", last)
    lines = [line for part in answer for line in part.splitlines() if not line.startswith("|")]
    assert 1 <= len(lines) <= ANSWER_MAX_LINES


def documented_codes() -> set[str]:
    """Return the codes and reasons that the page on errors explains; tests check them there."""
    rows = table_rows(ERRORS)
    return {
        word for row in rows for cell in row[:2] for word in re.findall(r"`(?:\w+ )?(\w+)`", cell)
    }


@pytest.mark.parametrize("page", [QUESTIONS, LLMS])
def test_the_codes_that_a_page_names_exist(page: Path) -> None:
    words = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", text_of(page)))
    known = documented_codes() | set(Principal._fields) | set(http.__all__) | FOREIGN
    assert words - known == set()
    assert words & documented_codes()


def test_llms_txt_has_the_form_of_the_convention() -> None:
    start, *sections = re.split(r"^## ", text_of(LLMS), flags=re.MULTILINE)
    title, summary, *_ = start.split("\n\n")
    assert re.fullmatch(r"# .+", title)
    assert all(line.startswith("> ") for line in summary.splitlines())
    assert len(re.findall(r"^#+ (?!\S+\.py$)", start, re.MULTILINE)) == 1  # the title
    for section in sections:
        name, _, items = section.partition("\n")
        assert name
        assert all(re.fullmatch(r"- \[.+\]\(\S+\): .+", item) for item in items.split("\n") if item)
    assert sections[-1].startswith("Optional")


def test_llms_txt_is_short_and_leads_to_pages_that_exist_once() -> None:
    assert len(text_of(LLMS).splitlines()) <= LLMS_MAX_LINES
    assert len(links(LLMS)) == len(set(links(LLMS))) > 10
    assert str(QUESTIONS) in links(LLMS)


def test_llms_txt_fetches_tokens_as_the_readme_does() -> None:
    pattern = r"^import \{ createAuthClient.*?^if \(error\) throw error;$"
    (code,) = re.findall(pattern, text_of(README), re.MULTILINE | re.DOTALL)
    assert code in text_of(LLMS)
