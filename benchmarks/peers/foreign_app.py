"""A foreign FastAPI app with plain routes, which `protect` guards."""

from datetime import UTC, datetime

from fastapi import FastAPI

from backend.adapters.auth.jwks.keys import JwksKeys
from backend.container.authentication import AuthContainer
from backend.entrypoints.http import CurrentPrincipal, protect
from backend.testing.signers import key_set
from benchmarks.peers.keys import ALGORITHM, JWK
from benchmarks.peers.responses import Me, add_open_route


def create_app() -> FastAPI:
    app = FastAPI()
    add_open_route(app)

    @app.get("/me")
    async def read_me(principal: CurrentPrincipal) -> Me:
        return Me(
            user_id=principal.user_id,
            email=principal.email,
            name=principal.name,
            roles=sorted(principal.roles),
            scopes=sorted(principal.scopes),
            expires_at=datetime.fromtimestamp(principal.expires_at, UTC),
        )

    keys = {} if ALGORITHM == "HS256" else {"jwks_keys": JwksKeys(_fetch)}
    protect(app, public=["/open"], container=AuthContainer(**keys))
    return app


async def _fetch() -> bytes:
    return key_set(JWK)
