"""The attributes of spans that docs/tracing.md documents."""

import re
from pathlib import Path
from typing import Final

from tests.documents import table_rows

PAGE: Final = Path("docs/tracing.md")
ATTRIBUTE: Final = re.compile(r"(?:auth|db|error|http|network|server|url)(?:\.[a-z_]+)+")


def documented_attributes() -> set[str]:
    """Return the attributes in the first column of the tables of the page."""
    cells = [name for row in table_rows(PAGE) for name in re.findall(r"`([^`]+)`", row[0])]
    return {name for name in cells if ATTRIBUTE.fullmatch(name)}
