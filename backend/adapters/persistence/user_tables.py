"""Which tables have rows of users, and how long a deletion of such rows may take."""

from typing import Final

# Each has a column `user_id`. On PostgreSQL, each has row-level security, and `serve` checks it.
# When a user leaves, the user's rows are deleted in this order, so name a table that refers to
# another table before that table.
USER_TABLES: Final = ("todos", "idempotency_keys")

# Ten thousand todos of the greatest size take 5 seconds, which other statements must not take.
REMOVAL_TIMEOUT: Final = 30.0  # seconds
