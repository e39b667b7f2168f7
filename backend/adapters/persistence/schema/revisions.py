"""The revisions of the schema that this program knows."""

from pathlib import Path
from typing import Final, Literal

Command = Literal["upgrade", "downgrade"]

# One file for every revision, named after it.
VERSIONS: Final = Path(__file__).parents[1] / "migrations" / "versions"


def is_behind(revision: str | None) -> bool:
    """Return whether a later revision is known; one that is not known is a later program's."""
    *earlier, _ = sorted(path.name.partition("_")[0] for path in VERSIONS.glob("[0-9]*.py"))
    return revision in {None, *earlier}
