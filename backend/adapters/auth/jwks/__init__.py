"""A key set: fetched and judged."""
