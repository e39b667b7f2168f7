"""The table of idempotency keys, each with a copy of the todo that its request created."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_time = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")
_uuid = sa.Uuid().with_variant(sa.LargeBinary(), "sqlite")

_POLICY = """
CREATE POLICY idempotency_keys_of_acting_user ON idempotency_keys
USING (user_id = NULLIF(current_setting('app.user_id', true), ''))
WITH CHECK (user_id = NULLIF(current_setting('app.user_id', true), ''))
"""


def upgrade() -> None:
    # The copy needs no constraints: the same todo has passed the constraints of `todos`.
    op.create_table(
        "idempotency_keys",
        sa.Column("user_id", _text, nullable=False),
        sa.Column("key", _text, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("id", _uuid, nullable=False),
        sa.Column("title", _text, nullable=False),
        sa.Column("description", _text),
        sa.Column("completed", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("due_at", _time),
        sa.Column("created_at", _time, nullable=False),
        sa.Column("updated_at", _time, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "key", name="idempotency_keys_pkey"),
        sa.CheckConstraint("length(key) BETWEEN 1 AND 255", name="idempotency_keys_key_check"),
    )
    op.create_index("idempotency_keys_by_created_at", "idempotency_keys", ["user_id", "created_at"])
    if op.get_context().dialect.name == "postgresql":
        op.execute(_POLICY)
        op.execute("ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.drop_table("idempotency_keys")
