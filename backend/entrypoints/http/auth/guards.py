"""Protects routes: they authenticate a request first, and pass its principal to the endpoint.

Create every route under /api on a router of `ProtectedRoute`s, with a `CurrentPrincipal` parameter:

    router = APIRouter(prefix="/api/notes", route_class=ProtectedRoute)

    @router.get("")
    async def list_notes(principal: CurrentPrincipal) -> list[Note]: ...
"""

import functools
import inspect
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import HTTPException, Request, Response, Security
from fastapi.dependencies.models import Dependant
from fastapi.openapi.models import HTTPBearer
from fastapi.routing import APIRoute
from fastapi.security.base import SecurityBase
from starlette.types import Message, Receive

from backend.domain.auth import Principal
from backend.entrypoints.http.json_request import JsonRequest

MAX_BODY_BYTES: Final = 64 * 1024

_PRINCIPAL: Final = "backend.principal"
_REQUEST: Final = "backend.request"
_CACHE_CONTROL: Final = b"cache-control"


class Authentication(SecurityBase):
    """The FastAPI dependency that gives the principal, and its OpenAPI security scheme."""

    def __init__(self) -> None:
        self.model = HTTPBearer(bearerFormat="JWT", description="A JWT that Better Auth issued.")
        self.scheme_name = "Bearer"

    async def __call__(self, request: Request) -> Principal:
        """Return the principal of a request.

        A `ProtectedRoute` has authenticated the request already; on other routes, this call does.

        Raises:
            AuthError: The request has no valid credentials.
            ForbiddenOriginError: The request uses a session cookie, and the page that sent it is
                not allowed to.
            VerifierUnavailableError: The credentials cannot be verified now.
        """
        scope = request.scope
        if _PRINCIPAL not in scope:
            scope[_PRINCIPAL] = await scope["app"].authenticator.authenticate(scope)
        principal: Principal = scope[_PRINCIPAL]
        return principal


CurrentPrincipal = Annotated[Principal, Security(Authentication())]


class ProtectedRoute(APIRoute):
    """A route that authenticates before it reads the body, and reads at most 64 KiB of the body."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Add authentication and the body limit to FastAPI's handler of this route."""
        # The handler gets the principal directly; OpenAPI still needs the whole dependant.
        whole, self.dependant = self.dependant, _without_principal(self.dependant)
        handle = super().get_route_handler()
        self.dependant = whole

        async def authenticate_and_handle(request: Request) -> Response:
            scope = request.scope
            scope[_PRINCIPAL] = await scope["app"].authenticator.authenticate(scope)
            response = await handle(JsonRequest(scope, _limit_body(request.receive)))
            headers = response.raw_headers
            if _CACHE_CONTROL not in dict(headers):
                headers.append((_CACHE_CONTROL, b"private, no-cache"))
            return response

        return authenticate_and_handle


def _without_principal(dependant: Dependant) -> Dependant:
    """Take the principal out of the dependencies that FastAPI resolves for a route.

    The route has authenticated the request before FastAPI resolves anything, so a wrapper around
    the endpoint can pass the principal on. Resolving it as a dependency would take three times as
    long as verifying a cached token.

    Returns:
        A copy without the principal, which calls the wrapper; or the dependant itself, if the
        endpoint takes no principal or cannot be wrapped.
    """
    endpoint = dependant.call
    principals = [part for part in dependant.dependencies if _is_principal(part)]
    names = [part.name for part in principals if part.name]
    if not names or len(names) < len(principals):
        return dependant
    if endpoint is None or not _is_plain_async_function(endpoint):
        return dependant
    return replace(
        dependant,
        call=_inject_principal(endpoint, names, dependant.request_param_name),
        dependencies=[part for part in dependant.dependencies if not _is_principal(part)],
        request_param_name=dependant.request_param_name or _REQUEST,
    )


def _is_principal(dependant: Dependant) -> bool:
    return isinstance(dependant.call, Authentication)


def _inject_principal(
    endpoint: Callable[..., Any], names: Sequence[str], request_name: str | None
) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Wrap an endpoint: pass it the principal that is in the scope of the request.

    Args:
        endpoint: An async function.
        names: The parameters that take the principal.
        request_name: The parameter that takes the request. If None, FastAPI passes the request to
            the wrapper as `_REQUEST`, and the endpoint does not get it.
    """

    @functools.wraps(endpoint)
    def call(**values: Any) -> Coroutine[Any, Any, Any]:
        request = values[request_name] if request_name else values.pop(_REQUEST)
        principal = request.scope[_PRINCIPAL]
        for name in names:
            values[name] = principal
        coroutine: Coroutine[Any, Any, Any] = endpoint(**values)
        return coroutine

    return call


def _is_plain_async_function(endpoint: Callable[..., Any]) -> bool:
    """Tell whether FastAPI runs a `functools.wraps` wrapper of an endpoint as it runs the endpoint.

    FastAPI inspects the innermost function of a wrapper. So the endpoint and its innermost function
    must both be async functions; a partial or a callable object does not qualify.
    """
    functions = (endpoint, inspect.unwrap(endpoint))
    return all(
        inspect.isroutine(function) and inspect.iscoroutinefunction(function)
        for function in functions
    )


def _limit_body(receive: Receive) -> Receive:
    """Wrap an ASGI receive: raise 413 once the body exceeds `MAX_BODY_BYTES`."""
    remaining = MAX_BODY_BYTES

    async def receive_limited() -> Message:
        nonlocal remaining
        message = await receive()
        remaining -= len(message.get("body", b""))
        if remaining < 0:
            raise HTTPException(status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return message

    return receive_limited
