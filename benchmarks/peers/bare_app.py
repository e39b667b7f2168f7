"""A bare FastAPI app: one open route, which returns the same fields as this project's `/api/me`."""

from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.peers.responses import USER_CLAIMS


class Me(BaseModel):
    user_id: str
    email: str | None
    email_verified: bool
    name: str | None
    roles: list[str]
    scopes: list[str]
    claims: dict[str, Any]
    expires_at: datetime


def create_app() -> FastAPI:
    app = FastAPI()

    @app.get("/open")
    async def read_open() -> Me:
        return Me(
            user_id=USER_CLAIMS["sub"],
            email=USER_CLAIMS["email"],
            email_verified=True,
            name=USER_CLAIMS["name"],
            roles=[],
            scopes=[],
            claims={},
            expires_at=datetime.fromtimestamp(USER_CLAIMS["exp"], UTC),
        )

    return app
