"""An issuer's key set: fetching it, reading it, keeping it fresh."""
