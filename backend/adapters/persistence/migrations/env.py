"""Run by Alembic for every command: migrates over the connection that `schema` opened."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
