"""Authentication of requests: the guard, the dependencies of routes, and the startup check."""
