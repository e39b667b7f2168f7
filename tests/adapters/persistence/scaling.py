"""The statements that docs/scaling.md tells operators to run."""

import re
from pathlib import Path
from typing import Final

_DOCUMENT: Final = Path(__file__).resolve().parents[3] / "docs" / "scaling.md"


def statements_of(section: str) -> str:
    """Return the SQL of a section."""
    parts = re.split(r"^## ", _DOCUMENT.read_text("utf-8"), flags=re.MULTILINE)
    sections = dict(part.split("\n", 1) for part in parts[1:])
    return "\n".join(re.findall(r"```sql\n(.*?)```", sections[section], flags=re.DOTALL))
