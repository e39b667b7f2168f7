"""The table of todos. Its primary key starts with the owner."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# The collation C compares text by code point, like SQLite and Python do.
_text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_time = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")
_boolean = sa.Boolean(create_constraint=True, name="todos_completed_check")
_uuid = sa.Uuid().with_variant(sa.LargeBinary(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "todos",
        sa.Column("user_id", _text, nullable=False),
        sa.Column("id", _uuid, nullable=False),
        sa.Column("title", _text, nullable=False),
        sa.Column("description", _text),
        sa.Column("completed", _boolean, nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("due_at", _time),
        sa.Column("created_at", _time, nullable=False),
        sa.Column("updated_at", _time, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("search_text", _text, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "id", name="todos_pkey"),
        sa.CheckConstraint("user_id <> ''", name="todos_user_id_check"),
        sa.CheckConstraint("length(title) <= 200 AND trim(title) <> ''", name="todos_title_check"),
        sa.CheckConstraint("length(description) <= 10000", name="todos_description_check"),
        sa.CheckConstraint("priority BETWEEN 0 AND 2", name="todos_priority_check"),
        sa.CheckConstraint("version >= 1", name="todos_version_check"),
    )
    # An index for each order of a list. Todos without a due date sort last.
    postgres = op.get_context().dialect.name == "postgresql"
    never = "infinity" if postgres else "9999-12-31T23:59:59.999999+00:00"
    due = sa.text(f"COALESCE(due_at, '{never}')")
    op.create_index("todos_by_created_at", "todos", ["user_id", "created_at", "id"])
    op.create_index("todos_by_due_at", "todos", ["user_id", due, "id"])
    op.create_index("todos_by_priority", "todos", ["user_id", "priority", "id"])
    op.create_index("todos_by_title", "todos", ["user_id", "title", "id"])


def downgrade() -> None:
    op.drop_table("todos")
