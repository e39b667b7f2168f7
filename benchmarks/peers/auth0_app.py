"""auth0-fastapi-api with a key set in memory."""

from typing import Annotated, Any

from fastapi import Depends, FastAPI
from fastapi_plugin import Auth0FastAPI

from benchmarks.harness.tokens import ORIGIN
from benchmarks.peers.keys import JWK
from benchmarks.peers.responses import Me, add_open_route, me


async def fetch(url: str) -> dict[str, Any]:
    if url.endswith("/jwks"):
        return {"keys": [JWK]}
    return {"issuer": f"{ORIGIN}/", "jwks_uri": f"{ORIGIN}/jwks"}


def create_app() -> FastAPI:
    app = FastAPI()
    add_open_route(app)
    auth = Auth0FastAPI(domain=ORIGIN.removeprefix("https://"), audience=ORIGIN, custom_fetch=fetch)

    @app.get("/me")
    async def read_me(claims: Annotated[dict[str, Any], Depends(auth.require_auth())]) -> Me:
        return me(claims)

    return app
