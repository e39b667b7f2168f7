"""Reads the routes of an app: lists them, and finds the route that serves a connection."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Host, Match, Mount, Router
from starlette.types import Scope


@dataclass(frozen=True, slots=True)
class AppRoute:
    """A route of an app or of an app that it mounts.

    Attributes:
        paths: The path templates of the mounts that lead to the route, and of the route itself.
            Each contains the path before it.
        dependant: The parameters of the endpoint; None if FastAPI does not call the endpoint.
        is_mount: Whether everything below the path belongs to the route.
    """

    paths: tuple[str, ...]
    dependant: Dependant | None = None
    is_mount: bool = False

    @property
    def path(self) -> str:
        """The whole path template of the route."""
        return self.paths[-1]


def all_routes(app: Any, mounts: tuple[str, ...] = ()) -> Iterator[AppRoute]:
    """Return the routes of an app and of the apps that it mounts, in the order of matching.

    Args:
        app: The app or router.
        mounts: The path templates of the mounts that lead to the app.
    """
    for context in iter_route_contexts(app.routes):
        route = _app_route(context, mounts)
        inner = mounted_app(context)
        yield route
        if inner is not None:
            yield from all_routes(inner, route.paths)


def matching_route(app: Any, scope: Scope, mounts: tuple[str, ...] = ()) -> AppRoute | None:
    """Return the route that serves a connection, as the router of the app chooses it.

    Args:
        app: The app or router.
        scope: The ASGI scope of the connection, as the app gets it.
        mounts: The path templates of the mounts that lead to the app.

    Returns:
        The first route whose path and method match; None if no route matches. If the route is a
        mount, the result is the route of the mounted app, or the mount if the mounted app has no
        such route.
    """
    for context in iter_route_contexts(app.routes):
        match, child_scope = _match(context, scope)
        if match is Match.FULL:
            route = _app_route(context, mounts)
            inner = mounted_app(context)
            if inner is None:
                return route
            inner_scope = {**scope, **child_scope}
            if root_path := getattr(inner, "root_path", ""):  # FastAPI does the same
                inner_scope["root_path"] = root_path
            return matching_route(inner, inner_scope, route.paths) or route
    return None


def required_scopes(dependant: Dependant) -> Sequence[str]:
    """Return the scopes that an endpoint and its dependencies require, without duplicates."""
    scopes = list(dependant.own_oauth_scopes or ())
    for dependency in dependant.dependencies:
        scopes += required_scopes(dependency)
    return list(dict.fromkeys(scopes))


def all_scopes(app: Any) -> Sequence[str]:
    """Return the scopes that the routes of an app require, sorted."""
    dependants = [route.dependant for route in all_routes(app) if route.dependant]
    return sorted({scope for dependant in dependants for scope in required_scopes(dependant)})


def _match(context: Any, scope: Scope) -> tuple[Match, Scope]:
    """Match a route. `context.matches` ignores a `matches` that the class of a route overrides."""
    route = context.original_route
    if not isinstance(route, APIRoute) or type(route).matches is APIRoute.matches:
        match: tuple[Match, Scope] = context.matches(scope)
        return match
    # FastAPI keeps the context of an included route in a private attribute only.
    included = {"effective_route_context": context._route_context}  # noqa: SLF001 - FastAPI has no other way
    return route.matches({**scope, "fastapi": {**scope.get("fastapi", {}), **included}})


def mounted_app(route: object) -> Any | None:
    """Return the app or router that a route mounts, without the middleware around it.

    Returns:
        None if the route mounts nothing, or an ASGI app whose routes are not known.
    """
    app = getattr(route, "app", None)
    while app is not None and not isinstance(app, Starlette | Router | BaseRoute):
        app = getattr(app, "app", None)
    return None if isinstance(app, BaseRoute) else app


def all_apps(app: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Return an app and all apps that it mounts, each with its path.

    Args:
        app: The app or router.
        path: The path of the app.
    """
    yield path, app
    for context in iter_route_contexts(app.routes):
        inner = mounted_app(context)
        if inner is not None:
            yield from all_apps(inner, path + (context.path or ""))


def frontends(app: Any) -> Mapping[str, Dependant]:
    """Return the front ends of an app: files that FastAPI serves at paths without a route.

    `app.routes` does not list them.

    Returns:
        The dependencies of each front end, by its path.
    """
    found: dict[str, Dependant] = {}
    router = getattr(app, "router", app)
    for group in getattr(router, "_iter_low_priority_routes", tuple)():
        prefix = getattr(group, "frontend_prefix", "").rstrip("/")
        for route in getattr(group, "original_route", group).routes:
            found[(prefix + route.path).rstrip("/") or "/"] = group.dependant
    return found


def _app_route(context: Any, mounts: tuple[str, ...]) -> AppRoute:
    prefix = mounts[-1] if mounts else ""
    return AppRoute(
        paths=(*mounts, prefix + (context.path or "")),
        dependant=getattr(context, "dependant", None),
        is_mount=isinstance(context.original_route, Mount | Host),
    )
