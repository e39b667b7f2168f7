"""From a request to its principal: the one place where HTTP credentials are read.

A route under /api is written on a router of `ProtectedRoute`s and takes a `CurrentPrincipal`:

    router = APIRouter(prefix="/api/notes", route_class=ProtectedRoute)

    @router.get("")
    async def list_notes(principal: CurrentPrincipal) -> list[Note]: ...
"""

import functools
import inspect
from collections.abc import Callable, Coroutine
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import HTTPException, Request, Response, Security
from fastapi.dependencies.models import Dependant
from fastapi.openapi.models import HTTPBearer
from fastapi.routing import APIRoute
from fastapi.security.base import SecurityBase
from starlette.types import Message, Receive

from backend.domain.auth import (
    Principal,
)

MAX_BODY_BYTES: Final = 64 * 1024

_PRINCIPAL: Final = "backend.principal"
_REQUEST: Final = "backend.request"
_CACHE_CONTROL: Final = b"cache-control"


class Authentication(SecurityBase):
    """The dependency, and the OpenAPI security scheme, of every protected route."""

    def __init__(self) -> None:
        self.model = HTTPBearer(bearerFormat="JWT", description="A JWT that Better Auth issued.")
        self.scheme_name = "Bearer"

    async def __call__(self, request: Request) -> Principal:
        """Return the principal of a request, authenticated if it is not yet.

        Raises:
            AuthError: The request does not authenticate anyone.
            ForbiddenOriginError: A page that may not do so made the request.
            VerifierUnavailableError: It cannot be told now whether it does.
        """
        scope = request.scope
        if _PRINCIPAL not in scope:
            scope[_PRINCIPAL] = await scope["app"].authenticator.authenticate(scope)
        principal: Principal = scope[_PRINCIPAL]
        return principal


CurrentPrincipal = Annotated[Principal, Security(Authentication())]


class ProtectedRoute(APIRoute):
    """A route that authenticates before it reads the request's body, and reads 64 KiB at most."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Put authentication in front of the handler that FastAPI makes."""
        described, self.dependant = self.dependant, _at_hand(self.dependant)
        handle = super().get_route_handler()
        self.dependant = described

        async def authenticated(request: Request) -> Response:
            scope = request.scope
            scope[_PRINCIPAL] = await scope["app"].authenticator.authenticate(scope)
            request._receive = _bounded(request.receive)  # noqa: SLF001 - sooner than a new Request
            response = await handle(request)
            headers = response.raw_headers
            if _CACHE_CONTROL not in dict(headers):
                headers.append((_CACHE_CONTROL, b"private, no-cache"))
            return response

        return authenticated


def _at_hand(dependant: Dependant) -> Dependant:
    """Return what a route depends on, except for the principal, which its endpoint gets directly.

    It is known before FastAPI resolves any dependency, and to resolve it takes three times as long
    as to verify a token that is remembered.
    """
    endpoint = dependant.call
    principals = [one for one in dependant.dependencies if isinstance(one.call, Authentication)]
    names = [one.name for one in principals if one.name]
    if not names or len(names) < len(principals):
        return dependant
    if endpoint is None or not _is_plainly_async(endpoint):
        return dependant
    request_name = dependant.request_param_name

    @functools.wraps(endpoint)
    def call(**values: Any) -> Coroutine[Any, Any, Any]:
        request = values[request_name] if request_name else values.pop(_REQUEST)
        principal = request.scope[_PRINCIPAL]
        for name in names:
            values[name] = principal
        answer: Coroutine[Any, Any, Any] = endpoint(**values)
        return answer

    others = [one for one in dependant.dependencies if not isinstance(one.call, Authentication)]
    return replace(
        dependant, call=call, dependencies=others, request_param_name=request_name or _REQUEST
    )


def _is_plainly_async(endpoint: Callable[..., Any]) -> bool:
    """Tell whether FastAPI takes a function that wraps an endpoint for as async as that is."""
    functions = (endpoint, inspect.unwrap(endpoint))
    return all(inspect.isroutine(one) and inspect.iscoroutinefunction(one) for one in functions)


def _bounded(receive: Receive) -> Receive:
    """Receive a request's body as long as it is not too large."""
    left = MAX_BODY_BYTES

    async def receive_bounded() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return message

    return receive_bounded
