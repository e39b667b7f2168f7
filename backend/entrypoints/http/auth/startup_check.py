"""The startup check: no route under /api is open to everyone by mistake."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.routing import Host, Mount

from backend.entrypoints.http.auth.guards import Authentication, ProtectedRoute

PROTECTED_PREFIX: Final = "/api"
HOW_TO_PROTECT: Final = (
    "Use an APIRouter(route_class=ProtectedRoute), and give the endpoint a"
    " `principal: CurrentPrincipal` parameter. If everyone may call the route, add its path to"
    " PUBLIC in backend/entrypoints/http/app.py."
)


class UnprotectedRouteError(Exception):
    """Routes under /api are neither protected nor listed as public.

    A protected route is a `ProtectedRoute` whose endpoint takes a `CurrentPrincipal`.

    Attributes:
        paths: The path templates of these routes.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = tuple(paths)
        super().__init__(f"unprotected routes: {', '.join(paths)}. {HOW_TO_PROTECT}")


def require_protection(app: FastAPI, *, public: Collection[str] = ()) -> None:
    """Check that every route under /api is protected or listed as public.

    Args:
        app: The app, with all of its routes.
        public: The path templates that need no principal.

    Raises:
        UnprotectedRouteError: A route is neither; the error names all such routes.
    """
    unprotected = sorted({path for path in _unprotected(app) if path not in public})
    if unprotected:
        raise UnprotectedRouteError(unprotected)


def _unprotected(app: object, prefix: str = "") -> Iterator[str]:
    """Find the paths that an app, or a part of it, may serve under /api without a principal.

    Only a `ProtectedRoute` counts as protected: a plain APIRoute reads the body before it
    authenticates. Routes of Starlette and mounted ASGI apps cannot be checked, so they do not count
    either.
    """
    for route in iter_route_contexts(getattr(app, "routes", ())):
        path, original = prefix + (route.path or ""), route.original_route
        if isinstance(original, Mount | Host):
            inside = getattr(original.app, "routes", None)
            if inside is None and _may_serve_api(path, below=True):
                yield path or "/"
            yield from _unprotected(original.app, path)
        elif _may_serve_api(path):
            protected = isinstance(original, ProtectedRoute) and _takes_principal(route.dependant)
            if not protected:
                yield path


def _may_serve_api(path: str, *, below: bool = False) -> bool:
    """Tell whether a path template can match a path under /api.

    Args:
        path: The path template.
        below: Whether everything below the path matches too, as for a mounted app.
    """
    first, _, _ = path.lstrip("/").partition("/")
    return f"/{first}" == PROTECTED_PREFIX or "{" in first or (below and not first)


def _takes_principal(dependant: Dependant) -> bool:
    return isinstance(dependant.call, Authentication) or any(
        _takes_principal(dependency) for dependency in dependant.dependencies
    )
