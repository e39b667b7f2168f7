"""The tables with rows of users, and the time limit of a deletion of such rows."""

from typing import Final

# Each table has a column `user_id`. On PostgreSQL, each table has row-level security, which `serve`
# checks. When a user leaves, the user's rows are deleted in this order, so name a table that refers
# to another table before that table.
USER_TABLES: Final = ("todos", "idempotency_keys")

# The deletion of ten thousand todos of the greatest size takes 5 seconds, longer than other
# statements may take.
REMOVAL_TIMEOUT: Final = 30.0  # seconds
