"""Creates the file of a new migration, for developers."""

import re
from pathlib import Path
from string import Template
from typing import Final

from backend.adapters.persistence.schema.revisions import VERSIONS, known_revisions

_MESSAGE: Final = re.compile(r"[A-Za-z0-9 _-]*[A-Za-z][A-Za-z0-9 _-]*")

_TEMPLATE: Final = Template('''\
"""$title."""

import sqlalchemy as sa
from alembic import op

revision = "$revision"
down_revision = "$down_revision"


def upgrade() -> None:
    raise NotImplementedError("write the migration")


def downgrade() -> None:
    raise NotImplementedError("write the way back")
''')


def create_revision(message: str) -> Path:
    """Create a migration with the next number from a template.

    Args:
        message: What the migration does, for example `add tags`.

    Returns:
        The path of the new file.

    Raises:
        ValueError: The message is not suitable, or a migration with this message exists.
        OSError: The file cannot be created.
    """
    if not _MESSAGE.fullmatch(message):
        raise ValueError(
            "the message must contain a letter (a-z), and otherwise only letters, digits, spaces,"
            " hyphens and underscores"
        )
    if not (VERSIONS.parents[4] / "pyproject.toml").is_file():
        raise OSError(
            f"{VERSIONS} belongs to an installed package; run this command in a checkout of the"
            " project"
        )
    slug = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")
    for existing in VERSIONS.glob(f"[0-9]*_{slug}.py"):
        if existing.name.partition("_")[2] == f"{slug}.py":
            raise ValueError(f"{existing.name} already exists")
    latest = known_revisions()[-1]
    revision = f"{int(latest) + 1:04}"
    content = _TEMPLATE.substitute(
        title=message.strip().capitalize(), revision=revision, down_revision=latest
    )
    path = VERSIONS / f"{revision}_{slug}.py"
    with path.open("x", encoding="utf-8") as file:
        file.write(content)
    return path
