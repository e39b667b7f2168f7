"""The key that seals cursors. This migration makes the key; all processes share the key."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    table = op.create_table(
        "cursor_key",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="cursor_key_pkey"),
        sa.CheckConstraint("id = 1", name="cursor_key_one_check"),
        sa.CheckConstraint("length(key) = 32", name="cursor_key_length_check"),
    )
    op.execute(table.insert().values(id=1, key=secrets.token_bytes(32)))


def downgrade() -> None:
    op.drop_table("cursor_key")
