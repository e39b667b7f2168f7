"""Our own application, whole, and beside `GET /api/me` the same route for everybody."""

from datetime import UTC, datetime

from fastapi import FastAPI

from backend.adapters.auth.keys import JwksKeys
from backend.container import Container
from backend.domain.auth import Principal
from backend.entrypoints.http import me
from backend.entrypoints.http.app import create_app as create_our_app
from backend.entrypoints.logs import configure_logging
from benchmarks.peers.answers import SOMEONE
from benchmarks.peers.keys import ALGORITHM, JWK
from tests.adapters.auth.tokens import key_set

OPEN = "/api/open"

_SOMEONE = Principal(
    user_id=SOMEONE["sub"],
    email=SOMEONE["email"],
    name=SOMEONE["name"],
    expires_at=datetime.fromtimestamp(SOMEONE["exp"], UTC),
)


def create_app() -> FastAPI:
    keys = {} if ALGORITHM == "HS256" else {"jwks_keys": JwksKeys(_fetch)}
    container = Container(**keys)
    configure_logging(container.settings())
    app = create_our_app(container, public=[OPEN])

    @app.get(OPEN)
    async def read_open() -> me.PrincipalResponse:
        return me._response(_SOMEONE)  # noqa: SLF001 - the same work as behind authentication

    app.router.routes.insert(0, app.router.routes.pop())  # found as soon as the other one
    return app


async def _fetch() -> bytes:
    return key_set(JWK)
