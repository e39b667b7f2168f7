"""fastapi-better-auth-bridge with a transport that needs no network."""

import json
from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi_better_auth import BetterAuth, JwtVerifier, Session, TransportResponse, User

from benchmarks.harness.tokens import LIFETIME, ORIGIN
from benchmarks.peers.keys import ALGORITHM, JWK
from benchmarks.peers.responses import Me, add_open_route


class LocalTransport:
    """A transport that returns the key set from memory."""

    async def get(
        self,
        url: str,  # noqa: ARG002 - there is a single key set
        *,
        headers: Mapping[str, str] | None = None,  # noqa: ARG002 - part of the interface
        max_bytes: int,  # noqa: ARG002 - part of the interface
    ) -> TransportResponse:
        content = json.dumps({"keys": [JWK]}).encode()
        return TransportResponse(200, {"content-type": "application/json"}, content)

    async def post(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        max_bytes: int,
    ) -> TransportResponse:
        raise NotImplementedError


def create_app() -> FastAPI:
    app = FastAPI()
    add_open_route(app)
    verifier = JwtVerifier(
        base_url=ORIGIN,
        transport=LocalTransport(),
        algorithms=[ALGORITHM],
        max_token_lifetime=LIFETIME,
    )
    auth = BetterAuth(verifiers=[verifier])

    @app.get("/me")
    async def read_me(session: Annotated[Session[User], Depends(auth.current_session())]) -> Me:
        user = session.user
        return Me(
            user_id=user.id,
            email=user.email,
            name=user.name,
            roles=[],
            scopes=[],
            expires_at=session.expires_at,
        )

    return app
