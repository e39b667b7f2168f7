"""A Todo API for the users of a Better Auth server."""

__version__ = "0.2.0"
