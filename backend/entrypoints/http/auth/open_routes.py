"""Finds the open routes: everyone may use them, with or without credentials.

A route is open if its path is public, or if its endpoint takes an `OptionalPrincipal`. The guard
authenticates all other connections.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from starlette._utils import get_route_path
from starlette.types import Scope

from backend.entrypoints.http.auth.dependencies import (
    Authentication,
    OptionalAuthentication,
    authenticated,
)
from backend.entrypoints.http.auth.routes import (
    AppRoute,
    all_apps,
    all_routes,
    frontends,
    matching_route,
)

_PARAMETER: Final = re.compile(r"\{[^}]*\}")


class OpenRoutes:
    """The open routes of an app. Only the constructor reads the routes.

    Args:
        app: The app, with all of its routes.
        public: The path templates of the public routes. A path without a route names a mount:
            everything below that path is public. FastAPI's documentation is public too;
            `docs_url=None` turns it off.
    """

    def __init__(self, app: FastAPI, *, public: Collection[str]) -> None:
        apps, routes = list(all_apps(app)), list(all_routes(app))
        self._app = app
        self._apps = [(path, inner) for path, inner in apps if isinstance(inner, FastAPI)]
        self._public = frozenset(public)
        self._documentation = frozenset[str]().union(*map(_documentation_paths, apps))
        paths = {route.path for route in routes if not route.is_mount}
        self._public_mounts = {path.rstrip("/") for path in self._public - paths}
        # The paths that each route or front end may serve, and whether it is open.
        served = [
            (_pattern(route.path, is_mount=route.is_mount), self._is_open(route))
            for route in routes
        ]
        served += [
            (_pattern(path, is_mount=True), path.rstrip("/") in self._public_mounts)
            for path in frontends(app)
        ]
        open_patterns = {pattern for pattern, is_open in served if is_open}
        closed_patterns = {pattern for pattern, is_open in served if not is_open}
        # The paths that only open routes can serve, so that no search for the route is needed.
        self._always_open = frozenset(
            route.path
            for route in routes
            if _pattern(route.path, is_mount=False) in open_patterns
            and "{" not in route.path
            and not any(re.fullmatch(pattern, route.path) for pattern in closed_patterns)
        )
        # Other paths that an open route may serve. The route that comes first decides.
        searched = open_patterns - {re.escape(path) for path in self._always_open}
        self._maybe_open = re.compile("|".join(searched)) if searched else None

    def serve(self, scope: Scope) -> bool:
        """Return whether an open route serves a connection."""
        path = get_route_path(scope) if scope.get("root_path") else scope["path"]
        if path in self._always_open:
            return True
        if self._maybe_open is None or not self._maybe_open.fullmatch(path):
            return False
        route = matching_route(self._app, scope)
        if route is not None:
            return self._is_open(route)
        frontend = self._find_frontend(path)
        return frontend is not None and frontend.rstrip("/") in self._public_mounts

    def find(self, scope: Scope) -> AppRoute | None:
        """Return the route or front end that serves a connection; None if it gets 404 or 405."""
        route = matching_route(self._app, scope)
        if route is not None:
            return route
        frontend = self._find_frontend(get_route_path(scope))
        router = self._app.router
        if frontend is None and router.default != router.not_found:
            frontend = ""  # the default of the router serves the connection
        return None if frontend is None else AppRoute(paths=(frontend,))

    def has_overrides(self) -> bool:
        """Return whether a test has replaced `authenticated` by `dependency_overrides`."""
        for _, app in self._apps:
            if app.dependency_overrides and authenticated in app.dependency_overrides:
                return True
        return False

    def authentication_is_overridden(self, scope: Scope) -> bool:
        """Return whether a test has replaced `authenticated` in the app that serves a connection.

        An override in the main app counts for all apps that the main app mounts.
        """
        if not self.has_overrides():
            return False
        if authenticated in self._app.dependency_overrides:
            return True
        route = matching_route(self._app, scope)
        mounts = () if route is None else route.paths if route.is_mount else route.paths[:-1]
        return any(
            path in mounts and authenticated in app.dependency_overrides for path, app in self._apps
        )

    def unprotected(self) -> Iterator[AppRoute]:
        """Yield the routes whose endpoints are not public and take no principal."""
        for route in all_routes(self._app):
            dependant = route.dependant
            if dependant and not takes_principal(dependant) and not self._is_public(route):
                yield route

    def unknown_paths(self) -> Sequence[str]:
        """Return the public paths that name no route, mount or front end."""
        known = {route.path for route in all_routes(self._app)} | {*frontends(self._app)}
        stripped = {path.rstrip("/") for path in known}
        return sorted(path for path in self._public if path.rstrip("/") not in stripped)

    def closed_paths(self) -> Sequence[str]:
        """Return the public paths whose endpoints require a principal anyway."""
        return sorted(
            route.path
            for route in all_routes(self._app)
            if route.dependant and self._is_public(route) and requires_principal(route.dependant)
        )

    def _is_open(self, route: AppRoute) -> bool:
        dependant = route.dependant
        if self._is_public(route):
            # The path may be public for another method. A mounted app may have its own guard.
            return len(route.paths) > 1 or dependant is None or not requires_principal(dependant)
        return dependant is not None and is_optional(dependant)

    def _is_public(self, route: AppRoute) -> bool:
        mounts = route.paths if route.is_mount else route.paths[:-1]
        if not self._public_mounts.isdisjoint(mounts):
            return True
        if route.is_mount:
            return False
        # Endpoints with the path of the documentation are not the documentation.
        is_documentation = route.dependant is None and route.path in self._documentation
        return is_documentation or route.path in self._public

    def _find_frontend(self, path: str) -> str | None:
        """Return the path of the front end that serves a path: the longest path that matches."""
        matching = [
            front
            for front in frontends(self._app)
            if front in {"/", path} or path.startswith(f"{front}/")
        ]
        return max(matching, key=len, default=None)


def _pattern(path: str, *, is_mount: bool) -> str:
    """Return a regular expression that matches every path of a template, and possibly more.

    Each parameter except the last ends at the first match of the text that follows. The expression
    tries no other end, so the time for a long path does not grow with the number of parameters.
    """
    if is_mount:
        path = path.rstrip("/")
    pattern, *texts = map(re.escape, _PARAMETER.split(path))
    for text in texts[:-1]:
        pattern += f"(?>(?s:.*?){text})"
    for text in texts[-1:]:
        pattern += f"(?s:.*){text}"
    return f"{pattern}(?s:/.*)?" if is_mount else pattern


def _documentation_paths(mounted: tuple[str, Any]) -> frozenset[str]:
    """Return the paths of the documentation that FastAPI serves for a mounted or main app."""
    prefix, app = mounted
    if not isinstance(app, FastAPI) or app.openapi_url is None:
        return frozenset()
    urls = [app.openapi_url, app.docs_url, app.redoc_url]
    if app.docs_url is not None:
        urls.append(app.swagger_ui_oauth2_redirect_url)
    return frozenset(prefix + url for url in urls if url is not None)


def takes_principal(dependant: Dependant) -> bool:
    """Return whether an endpoint takes a principal, required or optional."""
    return requires_principal(dependant) or is_optional(dependant)


def requires_principal(dependant: Dependant) -> bool:
    """Return whether an endpoint or any of its dependencies requires a principal."""
    return any(isinstance(call, Authentication) for call in calls_of(dependant))


def is_optional(dependant: Dependant) -> bool:
    """Return whether an endpoint takes an `OptionalPrincipal`, and requires no principal.

    An `OptionalPrincipal` in the `dependencies` of an app, a router or a route does not count: such
    a list must not open endpoints whose authors did not ask for that.
    """
    parameters = [part for part in dependant.dependencies if part.name is not None]
    return not requires_principal(dependant) and any(
        isinstance(call, OptionalAuthentication) for part in parameters for call in calls_of(part)
    )


def calls_of(dependant: Dependant) -> Iterator[Any]:
    """Yield an endpoint, its dependencies, and their dependencies."""
    yield dependant.call
    for dependency in dependant.dependencies:
        yield from calls_of(dependency)
