"""Alembic runs this file for every command, over the connection that `schema.migration` passes."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
