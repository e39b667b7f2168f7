"""The check at the start: nothing under /api is open to everyone by mistake."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.routing import Host, Mount

from backend.entrypoints.http.auth.guards import Authentication, ProtectedRoute

PROTECTED_PREFIX: Final = "/api"


class UnprotectedRouteError(Exception):
    """A route under /api is no `ProtectedRoute` that takes a principal, nor listed as public.

    Attributes:
        paths: The path of each.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = tuple(paths)
        super().__init__(
            "these routes are not ProtectedRoutes that take a CurrentPrincipal, and are not listed"
            " as public: " + ", ".join(paths)
        )


def require_protection(app: FastAPI, *, public: Collection[str] = ()) -> None:
    """Refuse an app that would serve something under /api to everyone by mistake.

    Args:
        app: The app, with all of its routes.
        public: The path templates that need no principal.

    Raises:
        UnprotectedRouteError: Naming each route that is neither protected nor public.
    """
    exposed = sorted({path for path in _unprotected(app) if path not in public})
    if exposed:
        raise UnprotectedRouteError(exposed)


def _unprotected(app: object, prefix: str = "") -> Iterator[str]:
    """Find what a part of the app may serve under /api to everyone.

    A plain APIRoute reads the body before it authenticates, so that it does not count as
    protected; nor does anything that is no route of FastAPI's, because nobody can look into it.
    """
    for route in iter_route_contexts(getattr(app, "routes", ())):
        path, original = prefix + (route.path or ""), route.original_route
        if isinstance(original, Mount | Host):
            inside = getattr(original.app, "routes", None)
            if inside is None and _may_serve_api(path, below=True):
                yield path or "/"
            yield from _unprotected(original.app, path)
        elif _may_serve_api(path):
            guarded = isinstance(original, ProtectedRoute) and _asks_for_principal(route.dependant)
            if not guarded:
                yield path


def _may_serve_api(path: str, *, below: bool = False) -> bool:
    """Tell whether a path template can match something under /api, or what is below it can."""
    first, _, _ = path.lstrip("/").partition("/")
    return f"/{first}" == PROTECTED_PREFIX or "{" in first or (below and not first)


def _asks_for_principal(dependant: Dependant) -> bool:
    return isinstance(dependant.call, Authentication) or any(
        _asks_for_principal(one) for one in dependant.dependencies
    )
