"""`python -m backend`."""
