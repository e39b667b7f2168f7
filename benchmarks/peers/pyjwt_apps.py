"""HTTPBearer and PyJWT as in most tutorials, with three kinds of dependency."""

from typing import Annotated, Any

import jwt
from dependency_injector import containers, providers
from dependency_injector.wiring import Provide, inject
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from benchmarks.harness.tokens import ORIGIN, SECRET
from benchmarks.peers.keys import ALGORITHM, JWK
from benchmarks.peers.responses import Me, add_open_route, me

KEY: Any = SECRET.encode() if ALGORITHM == "HS256" else jwt.PyJWK(JWK).key
Bearer = Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]


def decode(credentials: HTTPAuthorizationCredentials) -> dict[str, Any]:
    try:
        return jwt.decode(
            credentials.credentials, KEY, algorithms=[ALGORITHM], audience=ORIGIN, issuer=ORIGIN
        )
    except jwt.InvalidTokenError as error:
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"}) from error


async def claims_async(credentials: Bearer) -> dict[str, Any]:
    return decode(credentials)


def claims_sync(credentials: Bearer) -> dict[str, Any]:
    return decode(credentials)


def async_app() -> FastAPI:
    app = FastAPI()
    add_open_route(app)

    @app.get("/me")
    async def read_me(claims: Annotated[dict[str, Any], Depends(claims_async)]) -> Me:
        return me(claims)

    return app


def sync_app() -> FastAPI:
    app = FastAPI()
    add_open_route(app)

    @app.get("/me")
    async def read_me(claims: Annotated[dict[str, Any], Depends(claims_sync)]) -> Me:
        return me(claims)

    return app


class Decoder:
    def claims(self, credentials: HTTPAuthorizationCredentials) -> dict[str, Any]:
        return decode(credentials)


class Injected(containers.DeclarativeContainer):
    wiring_config = containers.WiringConfiguration(modules=[__name__])
    decoder = providers.Singleton(Decoder)


@inject
async def claims_injected(
    credentials: Bearer, decoder: Annotated[Decoder, Depends(Provide[Injected.decoder])]
) -> dict[str, Any]:
    return decoder.claims(credentials)


def inject_app() -> FastAPI:
    app = FastAPI()
    app.state.container = Injected()
    add_open_route(app)

    @app.get("/me")
    async def read_me(claims: Annotated[dict[str, Any], Depends(claims_injected)]) -> Me:
        return me(claims)

    return app
