"""Fixtures: the API with fake tokens, todos in memory, and a clock that the test controls."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from backend.adapters.persistence.memory import (
    InMemoryDatabase,
    InMemoryTodoRepository,
    InMemoryUserData,
)
from backend.container import Container
from backend.domain.auth import Principal
from backend.entrypoints.http.app import Api, create_app
from backend.settings import Settings
from backend.testing.fakes import FakeTokenVerifier
from tests.entrypoints.http.asgi_client import AppTransport, app_lifespan

START = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
END = (START + timedelta(hours=1)).timestamp()
ADA = Principal(
    user_id="ada",
    expires_at=END,
    email="ada@example.com",
    name="Ada Lovelace",
    roles=frozenset({"user", "admin"}),
    scopes=frozenset({"todos:write", "todos:read"}),
    email_verified=True,
)
BOB = Principal(user_id="bob", expires_at=END)


@dataclass
class Clock:
    """A clock that stands still until a test advances it.

    Attributes:
        now: The current time.
    """

    now: datetime = START

    def __call__(self) -> float:
        return self.now.timestamp()

    def advance(self, **by: float) -> None:
        """Advance the time by a `timedelta` of these arguments."""
        self.now += timedelta(**by)


MakeApp = Callable[..., FastAPI]
MakeClient = Callable[..., httpx2.Client]


@pytest.fixture
def clock() -> Clock:
    """Return the clock of the app."""
    return Clock()


@pytest.fixture
def verifier() -> FakeTokenVerifier:
    """Return a verifier that knows two users; the token of each is their name."""
    return FakeTokenVerifier({"ada": ADA, "bob": BOB})


@pytest.fixture
def database() -> InMemoryDatabase:
    """Return the database of the app."""
    return InMemoryDatabase()


@pytest.fixture
def todos(database: InMemoryDatabase) -> InMemoryTodoRepository:
    """Return the repository of the app."""
    return InMemoryTodoRepository(database)


@pytest.fixture
def make_app(
    clock: Clock,
    verifier: FakeTokenVerifier,
    database: InMemoryDatabase,
    todos: InMemoryTodoRepository,
) -> MakeApp:
    """Return a function that makes an app of these fakes; a test may replace parts of it."""

    def make(
        *, public: tuple[str, ...] = (), parts: dict[str, Any] | None = None, **values: Any
    ) -> FastAPI:
        settings = Settings(**{"better_auth_secret": "s" * 32, "docs": True, **values})
        fakes = {"clock": clock, "token_verifier": verifier, "database": database}
        fakes |= {"todos": todos, **(parts or {})}
        return create_app(Container(settings=settings, **fakes), public=public)

    return make


@pytest.fixture(scope="session")
def shared_app() -> Api:
    """Return an app with default settings, for all tests: creating an app is slow."""
    settings = Settings.load(better_auth_secret="s" * 32, docs=True)
    parts = {"token_verifier": FakeTokenVerifier(), "database": InMemoryDatabase()}
    return create_app(Container(settings=settings, **parts))


@pytest.fixture
def app(
    shared_app: Api,
    clock: Clock,
    verifier: FakeTokenVerifier,
    database: InMemoryDatabase,
    todos: InMemoryTodoRepository,
) -> FastAPI:
    """Return the shared app with the fakes of this test. Add routes to `make_app()` instead."""
    shared_app.state.clock = clock
    parts = shared_app.protection.parts
    parts.authenticator = replace(parts.authenticator, token_verifier=verifier)
    shared_app.state.todos = todos
    shared_app.state.user_data = InMemoryUserData(database)
    return shared_app


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """Return the event loop of the apps of a test."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def make_client(runner: asyncio.Runner) -> Iterator[MakeClient]:
    """Return a function that starts an app and makes a client, with or without a token."""
    started: dict[int, AbstractAsyncContextManager[None]] = {}

    def make(app: FastAPI, token: str | None = None, *, raising: bool = True) -> httpx2.Client:
        if id(app) not in started:
            started[id(app)] = app_lifespan(app)
            runner.run(started[id(app)].__aenter__())
        return httpx2.Client(
            transport=AppTransport(app, runner, raising=raising),
            base_url="http://testserver",
            headers={"Authorization": f"Bearer {token}"} if token else {},
        )

    yield make
    for lifespan in started.values():
        runner.run(lifespan.__aexit__(None, None, None))


@pytest.fixture
def anonymous(app: FastAPI, make_client: MakeClient) -> httpx2.Client:
    """Return a client without a token."""
    return make_client(app)


@pytest.fixture
def ada(app: FastAPI, make_client: MakeClient) -> httpx2.Client:
    """Return the client of a user."""
    return make_client(app, "ada")


@pytest.fixture
def bob(app: FastAPI, make_client: MakeClient) -> httpx2.Client:
    """Return the client of another user."""
    return make_client(app, "bob")


@pytest.fixture
def broken(make_app: MakeApp, make_client: MakeClient) -> httpx2.Client:
    """Return a client whose app has a route that fails."""
    app = make_app(public=("/broken",))

    @app.get("/broken")
    async def fail() -> None:
        raise ZeroDivisionError

    return make_client(app, raising=False)
