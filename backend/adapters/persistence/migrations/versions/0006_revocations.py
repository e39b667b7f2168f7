"""The table of revocations. The application only reads the table; the command `revoke` writes.

The rows do not belong to users: row-level security does not apply, and `forget` deletes no row
here. Times are in seconds since the epoch, like the times in tokens.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_seconds: sa.Double[float] = sa.Double()


def upgrade() -> None:
    op.create_table(
        "revocations",
        sa.Column("kind", _text, nullable=False),
        sa.Column("value", _text, nullable=False),
        sa.Column("issued_before", _seconds),
        sa.Column("expires_at", _seconds, nullable=False),
        sa.PrimaryKeyConstraint("kind", "value", name="revocations_pkey"),
        sa.CheckConstraint("kind IN ('user', 'session', 'token')", name="revocations_kind_check"),
        sa.CheckConstraint("value <> ''", name="revocations_value_check"),
        sa.CheckConstraint(
            "(kind = 'user') = (issued_before IS NOT NULL)", name="revocations_before_check"
        ),
    )


def downgrade() -> None:
    op.drop_table("revocations")
