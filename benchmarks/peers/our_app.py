"""This project's application, twice: with and without authentication of `GET /api/me`."""

from collections.abc import Collection

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.adapters.auth.jwks.keys import JwksKeys
from backend.container import Container
from backend.domain.auth import Principal
from backend.entrypoints.http import me
from backend.entrypoints.http.app import Api
from backend.entrypoints.http.app import create_app as create_our_app
from backend.entrypoints.http.auth.protected_route import ProtectedRoute
from backend.entrypoints.http.model_response import ModelResponse
from backend.entrypoints.server.logs import configure_logging
from backend.testing.signers import key_set
from benchmarks.peers.keys import ALGORITHM, JWK
from benchmarks.peers.responses import USER_CLAIMS

_PATH = "/api/me"
_PRINCIPAL = Principal(
    user_id=USER_CLAIMS["sub"],
    email=USER_CLAIMS["email"],
    name=USER_CLAIMS["name"],
    expires_at=USER_CLAIMS["exp"],
)


def create_app() -> ASGIApp:
    """Choose by the query string, so that the lookup of both routes takes the same time."""
    protected, unprotected = _application(), _application(public=[_PATH])
    # `DELETE /api/me` would need a principal, so the guard would search for the route of every
    # request to this path. A path whose routes are all open needs no search.
    unprotected.router.routes[:] = [
        ProtectedRoute(_PATH, _read_open) if _serves(route, "GET") else route
        for route in unprotected.router.routes
        if not _serves(route, "DELETE")
    ]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        application = unprotected if scope.get("query_string") == b"open" else protected
        await application(scope, receive, send)

    return app


def _serves(route: BaseRoute, method: str) -> bool:
    return isinstance(route, APIRoute) and route.path == _PATH and method in (route.methods or ())


async def _read_open() -> ModelResponse:
    return me.principal_response(_PRINCIPAL)


def _application(*, public: Collection[str] = ()) -> Api:
    keys = {} if ALGORITHM == "HS256" else {"jwks_keys": JwksKeys(_fetch)}
    container = Container(**keys)
    configure_logging(container.settings())
    return create_our_app(container, public=public)


async def _fetch() -> bytes:
    return key_set(JWK)
