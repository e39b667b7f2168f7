"""The response of all applications, so that they differ only in authentication."""

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel


class Me(BaseModel):
    """The same six fields as `GET /api/me` of this project."""

    user_id: str
    email: str | None
    name: str | None
    roles: list[str]
    scopes: list[str]
    expires_at: datetime


def me(claims: dict[str, Any]) -> Me:
    return Me(
        user_id=claims["sub"],
        email=claims.get("email"),
        name=claims.get("name"),
        roles=[],
        scopes=[],
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
    )


USER_CLAIMS = {
    "sub": "kS3vT9yLqX2bWmZ8cRfN000000000000",
    "email": "ada.lovelace.0@example.com",
    "name": "Ada Lovelace 0",
    "exp": 4_102_444_800,
}


def add_open_route(app: Any) -> None:
    """Add the route without authentication."""

    @app.get("/open")
    async def read_open() -> Me:
        return me(USER_CLAIMS)
