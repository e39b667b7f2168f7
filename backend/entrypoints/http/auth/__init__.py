"""Authentication of requests: credentials, guards and the startup check."""
