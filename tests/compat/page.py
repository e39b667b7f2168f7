"""The table of docs/compatibility.md."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.compat.captures import ACCESS_TOKEN, ALGORITHMS, COOKIES, DISCOVERED, Capture
from tests.documents import ROOT, text_of

PAGE: Final = Path("docs/compatibility.md")

_HEADER: Final = (
    *("release", "tokens of `/token`"),
    *(f"cookie `{strategy}`" for strategy in COOKIES),
    *("OAuth access token", "the same, by discovery"),
)
_CELLS: Final = {True: "yes", False: "refused", None: "-"}
_TABLE: Final = re.compile(r"^Tried on .*?(?=\n\n(?!\|))", re.DOTALL | re.MULTILINE)


def row_of(capture: Capture) -> list[str]:
    """Return the cells of a release, without its name."""
    kinds = capture.kinds()
    algorithms = [algorithm for algorithm in ALGORITHMS if f"token {algorithm}" in kinds]
    others = [*(f"cookie {strategy}" for strategy in COOKIES), ACCESS_TOKEN, DISCOVERED]
    return [", ".join(algorithms), *(_CELLS[kinds.get(kind)] for kind in others)]


def write(captures: Iterable[Capture]) -> None:
    """Replace the table and its date."""
    lines = [
        f"Tried on {datetime.now(UTC):%Y-%m-%d} by `make compat`.",
        "",
        f"| {' | '.join(_HEADER)} |",
        f"|{'---|' * len(_HEADER)}",
        *(f"| {' | '.join([capture.release, *row_of(capture)])} |" for capture in captures),
    ]
    text, count = _TABLE.subn("\n".join(lines), text_of(PAGE))
    assert count == 1, f"{PAGE} has no line that starts with 'Tried on'"
    (ROOT / PAGE).write_text(text)
