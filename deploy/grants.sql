-- The privileges of the application. Run this as the owner after each `migrate`; twice is harmless.
GRANT SELECT, INSERT, UPDATE, DELETE ON todos, idempotency_keys TO todos_app;
GRANT SELECT ON alembic_version, cursor_key, revocations TO todos_app;
