"""Adds authentication to the OpenAPI document of a protected app."""

from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from backend.entrypoints.http.auth.dependencies import BearerScheme, RoleCheck
from backend.entrypoints.http.auth.open_routes import calls_of, requires_principal
from backend.entrypoints.http.auth.protection import Protection
from backend.entrypoints.http.openapi.authentication import (
    BEARER,
    GuardedOperation,
    document_authentication,
    operations_of,
)
from backend.settings.complaints import ConfigurationError


def document_protection(document: dict[str, Any], app: FastAPI, protection: Protection) -> None:
    """Document the authentication of an app.

    Args:
        document: The document of the app, which is changed in place.
        app: The app.
        protection: The authentication of the app.
    """
    try:
        cookies = protection.parts.session_cookies
    except ConfigurationError:  # a script that only writes the document needs no settings
        cookies = None
    document_authentication(
        document,
        guarded_operations(document, app),
        cookie_name=cookies.names[-1] if cookies else None,
    )


def guarded_operations(document: dict[str, Any], app: FastAPI) -> list[GuardedOperation]:
    """Return the operations of a document whose endpoints take a principal.

    Args:
        document: The document of the app. FastAPI has listed the scopes.
        app: The app.
    """
    endpoints = _endpoints(app)
    return [
        _guarded(path, method, operation, endpoints[path, method])
        for path, method, operation in operations_of(document)
        if (path, method) in endpoints
    ]


def _endpoints(app: FastAPI) -> dict[tuple[str, str], Dependant]:
    """Return the parameters of each endpoint that takes a principal, by path and method."""
    return {
        (str(route.path_format), method.lower()): dependant
        for route in iter_route_contexts(app.routes)
        if (dependant := getattr(route, "dependant", None)) is not None
        and any(isinstance(call, BearerScheme) for call in calls_of(dependant))
        for method in route.methods or ()
    }


def _guarded(
    path: str, method: str, operation: dict[str, Any], dependant: Dependant
) -> GuardedOperation:
    requirements = operation.get("security", [])
    scopes = [scope for requirement in requirements for scope in requirement.get(BEARER, [])]
    return GuardedOperation(
        path=path,
        method=method,
        scopes=tuple(scopes),
        needs_role=any(isinstance(call, RoleCheck) for call in calls_of(dependant)),
        is_optional=not requires_principal(dependant),
    )
