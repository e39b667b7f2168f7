"""Rows that only their owner's transactions see, whatever a statement says (PostgreSQL).

To bind a parameter of the type `acting_user` is to name the user for whom the transaction acts:
the server checks it, and so sets the setting, before it runs the statement.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

# The C order is that of the column.
_UP = (
    """
    CREATE DOMAIN acting_user AS text COLLATE "C" NOT NULL
    CHECK (set_config('app.user_id', VALUE, true) = VALUE)
    """,
    # A setting that ended with its transaction is the empty text, not NULL.
    """
    CREATE POLICY todos_of_acting_user ON todos
    USING (user_id = NULLIF(current_setting('app.user_id', true), ''))
    WITH CHECK (user_id = NULLIF(current_setting('app.user_id', true), ''))
    """,
    "ALTER TABLE todos ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE todos FORCE ROW LEVEL SECURITY",
    # A condition on COALESCE waits for the policy, and so can use no index; one on CASE need not.
    "DROP INDEX todos_by_due_at",
    """
    CREATE INDEX todos_by_due_at ON todos
    (user_id, (CASE WHEN due_at IS NULL THEN 'infinity' ELSE due_at END), id)
    """,
)

_DOWN = (
    "DROP INDEX todos_by_due_at",
    "CREATE INDEX todos_by_due_at ON todos (user_id, COALESCE(due_at, 'infinity'), id)",
    "ALTER TABLE todos NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE todos DISABLE ROW LEVEL SECURITY",
    "DROP POLICY todos_of_acting_user ON todos",
    "DROP DOMAIN acting_user",
)


def upgrade() -> None:
    _execute(*_UP)


def downgrade() -> None:
    _execute(*_DOWN)


def _execute(*statements: str) -> None:
    if op.get_context().dialect.name == "postgresql":
        for statement in statements:
            op.execute(statement)
