"""The startup check: no endpoint forgets its principal.

The guard rejects anonymous requests anyway. But an endpoint that does not know its caller cannot
keep users apart, so the endpoint must be public on purpose, or take a principal.
"""

from collections.abc import Sequence
from typing import Final

from backend.entrypoints.http.auth.open_routes import OpenRoutes

HOW_TO_PROTECT: Final = (
    "Give each endpoint a `principal: CurrentPrincipal` parameter (or its router"
    " `dependencies=[Security(authenticated)]`). If everyone may use a route, list its path:"
    " `protect(app, public=[…])`."
)


class UnprotectedRouteError(Exception):
    """Routes neither take a principal nor are listed as public.

    Attributes:
        paths: The path templates of these routes.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = tuple(paths)
        super().__init__(f"unprotected routes: {', '.join(paths)}. {HOW_TO_PROTECT}")


def require_protection(open_routes: OpenRoutes) -> None:
    """Check that every endpoint of FastAPI takes a principal or is public.

    Raises:
        UnprotectedRouteError: An endpoint is not protected; the error names all such routes.
    """
    unprotected = sorted({route.path for route in open_routes.unprotected()})
    if unprotected:
        raise UnprotectedRouteError(unprotected)
