"""The search text in a Unicode normal form (NFC). Earlier releases stored the text as sent."""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

# A forced policy hides every row from the owner of the table, too.
_POSTGRES = (
    "ALTER TABLE todos NO FORCE ROW LEVEL SECURITY",
    """
    UPDATE todos SET search_text = normalize(search_text, NFC)
    WHERE search_text IS NOT NFC NORMALIZED
    """,
    "ALTER TABLE todos FORCE ROW LEVEL SECURITY",
)

_BATCH = sa.text(
    "SELECT rowid, search_text FROM todos WHERE rowid > :last ORDER BY rowid LIMIT 1000"
)
_UPDATE = sa.text("UPDATE todos SET search_text = :search_text WHERE rowid = :rowid")


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        _normalize_sqlite(connection)
    elif connection.scalar(sa.text("SHOW server_encoding")) == "UTF8":  # no other has `normalize`
        for statement in _POSTGRES:
            op.execute(statement)


def downgrade() -> None:
    """Change nothing: earlier releases can use the normalised text."""


def _normalize_sqlite(connection: sa.Connection) -> None:
    last = -1
    while rows := connection.execute(_BATCH, {"last": last}).all():
        last = rows[-1].rowid
        for rowid, text in rows:
            normalized = unicodedata.normalize("NFC", text)
            if normalized != text:
                connection.execute(_UPDATE, {"search_text": normalized, "rowid": rowid})
