"""Everything that knows what a token looks like."""
