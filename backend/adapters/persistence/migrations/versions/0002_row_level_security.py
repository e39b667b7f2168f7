"""Row-level security for todos (PostgreSQL): a transaction sees only the rows of its acting user.

A statement names its acting user by a parameter of the type `acting_user`. The constraint of that
type stores the user in a setting of the transaction, before the statement runs.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

# The same collation as the column `user_id`.
_UP = (
    """
    CREATE DOMAIN acting_user AS text COLLATE "C" NOT NULL
    CHECK (set_config('app.user_id', VALUE, true) = VALUE)
    """,
    # After the transaction the setting is an empty string, not NULL.
    """
    CREATE POLICY todos_of_acting_user ON todos
    USING (user_id = NULLIF(current_setting('app.user_id', true), ''))
    WITH CHECK (user_id = NULLIF(current_setting('app.user_id', true), ''))
    """,
    "ALTER TABLE todos ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE todos FORCE ROW LEVEL SECURITY",
    # PostgreSQL evaluates COALESCE only after the policy, so a query could not use the index.
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
