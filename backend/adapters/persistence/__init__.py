"""Everything that knows what a database is."""
