"""The revisions of the schema that this program knows. Each revision has a migration file."""

from pathlib import Path
from typing import Final

# The name of each file starts with its revision: four digits.
VERSIONS: Final = Path(__file__).parents[1] / "migrations" / "versions"


def known_revisions() -> list[str]:
    """Return the revisions, the oldest first."""
    return sorted(path.name.partition("_")[0] for path in VERSIONS.glob("[0-9]*.py"))


def is_behind(revision: str | None) -> bool:
    """Return whether the schema must be upgraded before this program can use it.

    An unknown revision is not behind: a later release made it. During a rolling upgrade, or a
    rollback, both releases use the database.

    Args:
        revision: The revision of the schema; None if there is no schema yet.
    """
    return revision in {None, *known_revisions()[:-1]}
