"""The HTTP API, on FastAPI. This package exports what an app needs to authenticate its users."""

from backend.domain.auth import Principal
from backend.entrypoints.http.auth.dependencies import (
    CurrentPrincipal,
    OptionalPrincipal,
    authenticated,
    optionally_authenticated,
    requires_roles,
    requires_scopes,
)
from backend.entrypoints.http.auth.protected_route import ProtectedRoute
from backend.entrypoints.http.openapi.error_responses import documented
from backend.entrypoints.http.problems.problem_error import ProblemError
from backend.entrypoints.http.protect import protect
from backend.settings.authentication import AuthSettings

__all__ = [
    "AuthSettings",
    "CurrentPrincipal",
    "OptionalPrincipal",
    "Principal",
    "ProblemError",
    "ProtectedRoute",
    "authenticated",
    "documented",
    "optionally_authenticated",
    "protect",
    "requires_roles",
    "requires_scopes",
]
