"""The dependencies of protected routes: the principal, an optional principal, scopes and roles.

    @app.get("/notes")
    async def list_notes(principal: CurrentPrincipal) -> list[Note]: ...

    @app.delete("/notes/{id}", dependencies=[requires_roles("admin")])
    async def delete_note(id: int) -> None: ...

The dependencies work on every kind of route: `protect` puts a guard in front of all routes, and the
guard authenticates. A dependency only returns the principal that the guard has found.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Security
from fastapi.openapi.models import HTTPBearer
from fastapi.params import Security as SecurityDependency
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection
from starlette.types import Scope

from backend.domain.auth import MissingTokenError, Principal
from backend.entrypoints.http.auth.errors import (
    MissingRoleError,
    MissingScopeError,
    validate_scopes,
)
from backend.entrypoints.http.auth.routes import matching_route, required_scopes
from backend.entrypoints.http.counters import counters

# Keys of the ASGI scope. The guard sets `AUTHENTICATOR` for every connection, and `PRINCIPAL`
# after the authentication of a connection. The guard sets `OVERRIDE` if a test has replaced
# `authenticated`. `FOUND` lists the principals that dependencies of a WebSocket have found, because
# middleware of a mounted app may have copied the scope.
AUTHENTICATOR: Final = "backend.authenticator"
PRINCIPAL: Final = "backend.principal"
OVERRIDE: Final = "backend.override"
FOUND: Final = "backend.found_principals"


async def authenticate(scope: Scope) -> Principal:
    """Return the principal of a connection; authenticate the connection if the guard has not.

    Raises:
        AuthError: The connection has no valid credentials.
        ForbiddenOriginError: A page opened the connection with a session cookie, and its origin is
            not allowed to do that.
        VerifierUnavailableError: The credentials cannot be verified now.
        RuntimeError: The app is not protected.
    """
    principal: Principal | None = scope.get(PRINCIPAL)
    if principal is None:
        override = _overrides_of(scope["app"]).get(authenticated) or scope.get(OVERRIDE)
        if override is not None:
            return await _call_override(override)
        if AUTHENTICATOR not in scope:
            raise RuntimeError("This app is not protected. Call `protect(app)` when you make it.")
        principal = scope[PRINCIPAL] = await scope[AUTHENTICATOR].authenticate(scope)
        counters.accepted += 1
        if FOUND in scope:
            scope[FOUND].append(principal)
    return principal


def _overrides_of(app: Any) -> Mapping[Any, Any]:
    overrides: Mapping[Any, Any] = getattr(app, "dependency_overrides", {})
    return overrides


async def _call_override(override: Callable[..., Any]) -> Principal:
    """Call the function with which a test has replaced `authenticated`.

    FastAPI itself calls the function for `CurrentPrincipal` in the app that has the override.
    """
    if inspect.signature(override).parameters or inspect.isgeneratorfunction(override):
        raise RuntimeError(
            "The override of `authenticated` has parameters or yields. For routes with an"
            " OptionalPrincipal, override `optionally_authenticated` too; in mounted apps,"
            " override `authenticated` in their own `dependency_overrides`."
        )
    result = override()
    principal: Principal = await result if inspect.isawaitable(result) else result
    return principal


def _all_scopes(scope: Scope) -> Sequence[str]:
    """Return all scopes that the route of a request requires, from its routers too."""
    route = matching_route(scope["app"], scope)
    return required_scopes(route.dependant) if route and route.dependant else ()


class BearerScheme(SecurityBase):
    """The OpenAPI security scheme of every dependency that authenticates."""

    def __init__(self) -> None:
        self.model = HTTPBearer(bearerFormat="JWT", description="A JWT of the configured issuer.")
        self.scheme_name = "Bearer"


class Authentication(BearerScheme):
    """The FastAPI dependency that gives the principal."""

    async def __call__(self, connection: HTTPConnection, required: SecurityScopes) -> Principal:
        """Return the principal of a request or a WebSocket.

        Args:
            connection: The request or WebSocket.
            required: The scopes that the route requires: `Security(authenticated, scopes=[…])`.

        Raises:
            AuthError: There are no valid credentials.
            ForbiddenOriginError: A session cookie is used by a page that is not allowed to.
            MissingScopeError: The principal lacks a required scope.
            VerifierUnavailableError: The credentials cannot be verified now.
        """
        principal = await authenticate(connection.scope)
        if not principal.scopes.issuperset(required.scopes):
            raise MissingScopeError(_all_scopes(connection.scope) or required.scopes)
        return principal


authenticated: Final = Authentication()

CurrentPrincipal = Annotated[Principal, Security(authenticated)]


class OptionalAuthentication(BearerScheme):
    """The FastAPI dependency that gives the principal, or None without credentials."""

    async def __call__(
        self, connection: HTTPConnection, required: SecurityScopes
    ) -> Principal | None:
        """Return the principal of a request or a WebSocket; None if there are no credentials.

        Args:
            connection: The request or WebSocket.
            required: The scopes that the route requires of a principal.

        Raises:
            AuthError: There are credentials, and they are not valid.
            ForbiddenOriginError: A session cookie is used by a page that is not allowed to.
            MissingScopeError: The principal lacks a required scope.
            VerifierUnavailableError: The credentials cannot be verified now.
        """
        try:
            return await authenticated(connection, required)
        except MissingTokenError:
            return None


optionally_authenticated: Final = OptionalAuthentication()

OptionalPrincipal = Annotated[Principal | None, Security(optionally_authenticated)]


def requires_scopes(*scopes: str) -> SecurityDependency:
    """Require OAuth scopes (RFC 6749, section 3.3), on a route, on a router or as a parameter.

        @app.get("/notes", dependencies=[requires_scopes("notes:read")])
        async def list_notes(principal: Annotated[Principal, requires_scopes("notes:read")]): ...

    Args:
        scopes: The scopes. The principal needs all of them; otherwise it gets 403.

    Raises:
        ValueError: There is no scope, or a scope is not valid.
    """
    required = list(validate_scopes(scopes))
    dependency: SecurityDependency = Security(authenticated, scopes=required)
    return dependency


def requires_roles(*roles: str) -> SecurityDependency:
    """Require roles, on a route, on a router or as a parameter.

    Args:
        roles: The roles. The principal needs all of them; otherwise it gets 403.

    Raises:
        ValueError: There is no role, or a role is empty.
        TypeError: A role is not a string.
    """
    if not all(isinstance(role, str) for role in roles):
        raise TypeError('requires_roles() takes strings: requires_roles("admin", "editor")')
    if not roles or not all(roles):
        raise ValueError("requires_roles() needs the name of at least one role, and no empty name")
    dependency: SecurityDependency = Security(RoleCheck(frozenset(roles)))
    return dependency


@dataclass(frozen=True, slots=True)
class RoleCheck:
    """The FastAPI dependency that gives the principal if it has some roles.

    Attributes:
        roles: The roles. The principal needs all of them.
    """

    roles: frozenset[str]

    async def __call__(self, principal: CurrentPrincipal) -> Principal:
        """Return the principal.

        Raises:
            MissingRoleError: The principal lacks a role.
        """
        if not principal.roles >= self.roles:
            raise MissingRoleError(sorted(self.roles))
        return principal
