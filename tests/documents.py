"""The Markdown pages of this project, taken apart for the tests that check them."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
README: Final = Path("README.md")
LLMS: Final = Path("llms.txt")  # for coding assistants, as https://llmstxt.org describes
PAGES: Final = sorted(
    path.relative_to(ROOT)
    for path in (
        *ROOT.glob("[A-Z]*.md"),
        *ROOT.glob("docs/**/*.md"),
        ROOT / "benchmarks/README.md",
        ROOT / LLMS,
    )
    if path.name != "CHANGELOG.md"  # the change log names files of earlier versions
)

_BLOCK: Final = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_FENCE: Final = re.compile(r"^ *```.*?^ *```$", re.DOTALL | re.MULTILINE)
_CODE: Final = re.compile(r"`[^`]+`")
_LINK: Final = re.compile(r"!?\[([^\]]*)\]\(([^)\s]+)\)")
_PICTURE: Final = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
_LIST_ITEM: Final = re.compile(r"^ *(?:[-*]|\d+\.) +", re.MULTILINE)
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+|(?<=[.!?][*_)\"])\s+|(?<=[.!?]\*\*)\s+")
_INDENTED_CODE: Final = re.compile(r" {4,}\S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block of a page.

    Attributes:
        page: The page.
        line: The number of its first line.
        language: The language after the fence.
        text: The lines between the fences, without their common indentation.
    """

    page: Path
    line: int
    language: str
    text: str


def text_of(page: Path) -> str:
    """Return the text of a page, named by its path from the root."""
    return (ROOT / page).read_text("utf-8")


def blocks(language: str, *pages: Path) -> dict[str, str]:
    """Return the code blocks of a language, by the file that the first line of each names."""
    pattern = re.compile(rf"^```{language}\n ?(?:#|//) (\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    return {name: code for page in pages for name, code in pattern.findall(text_of(page))}


def fenced_blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page that name a language, in their order."""
    text = text_of(page)
    return [
        Block(
            page=page,
            line=text.count("\n", 0, found.start()) + 1,
            language=found[2],
            text=textwrap.dedent(found[3]),
        )
        for found in _BLOCK.finditer(text)
    ]


def links(page: Path) -> list[str]:
    """Return the targets of the links of a page."""
    return [target for _, target in _LINK.findall(_FENCE.sub("", text_of(page)))]


def pictures(page: Path) -> dict[str, str]:
    """Return the alternative texts of the pictures of a page, by their targets."""
    return {target: text for text, target in _PICTURE.findall(_FENCE.sub("", text_of(page)))}


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.+)$", _FENCE.sub("", text_of(page)), re.MULTILINE)
    return {_slug(_LINK.sub(r"\1", heading)) for heading in headings}


def prose_lines(page: Path) -> list[str]:
    """Return the lines of a page that are neither code nor part of a table."""
    lines = _FENCE.sub("", text_of(page)).splitlines()
    return [line for line in lines if not _is_table_or_code(line)]


def sentences(page: Path) -> Iterator[str]:
    """Yield the sentences of a page; inline code counts as one word, a link as its text."""
    text = "\n".join("" if line.startswith("#") else line for line in prose_lines(page))
    text = _LIST_ITEM.sub("\n\n", _LINK.sub(r"\1", _CODE.sub("code", text)))
    for paragraph in re.split(r"\n\s*\n", text):
        for sentence in _SENTENCE_END.split(paragraph):
            if sentence.strip():
                yield " ".join(sentence.split())


def table_rows(page: Path, *, section: str = "") -> list[list[str]]:
    """Return the cells of every row of the tables of a page or section, without heads and rules."""
    text = text_of(page)
    if section:
        text = text.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = text.splitlines()
    rows = [line for line in lines if line.lstrip().startswith("|")]
    cells = [[cell.strip() for cell in row.strip().strip("|").split("|")] for row in rows]
    return [row for row in cells if not set("".join(row)) <= set(":- ")]


def _is_table_or_code(line: str) -> bool:
    return line.lstrip().startswith("|") or _INDENTED_CODE.match(line) is not None


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
