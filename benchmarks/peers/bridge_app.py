"""fastapi-better-auth-bridge, whose keys are there whenever it asks for them."""

import json
from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi_better_auth import BetterAuth, JwtVerifier, Session, TransportResponse, User

from benchmarks.harness.tokens import LIFETIME, ORIGIN
from benchmarks.peers.answers import Me, add_open_route
from benchmarks.peers.keys import ALGORITHM, JWK


class Keys:
    """A transport that has the answer already."""

    async def get(
        self,
        url: str,  # noqa: ARG002 - there is one key set only
        *,
        headers: Mapping[str, str] | None = None,  # noqa: ARG002 - the interface's
        max_bytes: int,  # noqa: ARG002 - the interface's
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
        base_url=ORIGIN, transport=Keys(), algorithms=[ALGORITHM], max_token_lifetime=LIFETIME
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
