"""The schema of a database: migrations, its revision, and what `doctor` reports about it."""
