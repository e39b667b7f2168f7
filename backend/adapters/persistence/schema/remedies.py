"""Remedies for the role and the schema of a database."""

from typing import Final

MIGRATE: Final = "Run `python -m backend migrate`."
GRANT: Final = (
    "Migrate as the owner of the tables, and grant the server's role the privileges that it needs:"
    " see docs/scaling.md, Roles."
)
