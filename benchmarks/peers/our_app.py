"""Our own application, whole; and once more, with `GET /api/me` for everybody in its place."""

from collections.abc import Collection

from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.adapters.auth.jwks.keys import JwksKeys
from backend.container import Container
from backend.domain.auth import Principal
from backend.entrypoints.http import me
from backend.entrypoints.http.app import Api
from backend.entrypoints.http.app import create_app as create_our_app
from backend.entrypoints.http.model_response import ModelResponse
from backend.entrypoints.server.logs import configure_logging
from benchmarks.peers.answers import SOMEONE
from benchmarks.peers.keys import ALGORITHM, JWK
from tests.adapters.auth.tokens import key_set

_PATH = "/api/me"
_SOMEONE = Principal(
    user_id=SOMEONE["sub"],
    email=SOMEONE["email"],
    name=SOMEONE["name"],
    expires_at=SOMEONE["exp"],
)


def create_app() -> ASGIApp:
    """Serve both, told apart by the query: so that either route is found as soon as the other."""
    guarded, opened = _application(), _application(public=[_PATH])
    routes = opened.router.routes
    place = [getattr(route, "path", None) for route in routes].index(_PATH)
    routes[place] = APIRoute(_PATH, _read_open)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        application = opened if scope.get("query_string") == b"open" else guarded
        await application(scope, receive, send)

    return app


async def _read_open() -> ModelResponse:
    return me.principal_response(_SOMEONE)


def _application(*, public: Collection[str] = ()) -> Api:
    keys = {} if ALGORITHM == "HS256" else {"jwks_keys": JwksKeys(_fetch)}
    container = Container(**keys)
    configure_logging(container.settings())
    return create_our_app(container, public=public)


async def _fetch() -> bytes:
    return key_set(JWK)
