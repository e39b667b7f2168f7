"""The HTTP API, on FastAPI. This package exports what an app needs to authenticate its users."""

from backend.entrypoints.http.auth.guards import (
    CurrentPrincipal,
    OptionalPrincipal,
    authenticated,
    optionally_authenticated,
    requires_roles,
    requires_scopes,
)
from backend.entrypoints.http.auth.protected_route import ProtectedRoute
from backend.entrypoints.http.problems.problem_details import documented
from backend.entrypoints.http.problems.problem_error import ProblemError
from backend.entrypoints.http.protect import protect

__all__ = [
    "CurrentPrincipal",
    "OptionalPrincipal",
    "ProblemError",
    "ProtectedRoute",
    "authenticated",
    "documented",
    "optionally_authenticated",
    "protect",
    "requires_roles",
    "requires_scopes",
]
