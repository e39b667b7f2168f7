"""fastapi-users with its JWT strategy, and users in memory, which cost almost nothing."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from fastapi_users import BaseUserManager, FastAPIUsers
from fastapi_users.authentication import AuthenticationBackend, BearerTransport, JWTStrategy
from fastapi_users.db import BaseUserDatabase

from benchmarks.harness.tokens import LIFETIME, SECRET
from benchmarks.peers.responses import USER_CLAIMS, Me, add_open_route, me


@dataclass
class User:
    id: str
    email: str = "ada@example.com"
    hashed_password: str = ""
    is_active: bool = True
    is_superuser: bool = False
    is_verified: bool = True


class Users(BaseUserDatabase[User, str]):
    async def get(self, id: str) -> User | None:  # noqa: A002 - the name in the base class
        return User(id)


class Manager(BaseUserManager[User, str]):
    def parse_id(self, value: Any) -> str:
        return str(value)


async def manager() -> AsyncIterator[Manager]:
    yield Manager(Users())


def strategy() -> JWTStrategy[User, str]:
    return JWTStrategy(SECRET, lifetime_seconds=LIFETIME)


def create_app() -> FastAPI:
    app = FastAPI()
    add_open_route(app)
    backend = AuthenticationBackend(
        name="jwt", transport=BearerTransport(tokenUrl="login"), get_strategy=strategy
    )
    current_user = FastAPIUsers[User, str](manager, [backend]).current_user(active=True)

    @app.get("/me")
    async def read_me(user: Annotated[User, Depends(current_user)]) -> Me:
        return me({**USER_CLAIMS, "sub": user.id, "email": user.email})

    return app
