"""The API with callers who need no tokens, todos in memory, and a clock that the test winds."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from backend.adapters.persistence.memory import InMemoryDatabase, InMemoryTodoRepository
from backend.container import Container
from backend.domain.auth import Principal
from backend.entrypoints.http.app import Api, create_app
from backend.settings import Settings
from tests.entrypoints.http.exchange import AppTransport, served
from tests.fakes import FakeTokenVerifier

START = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
END = (START + timedelta(hours=1)).timestamp()
ADA = Principal(
    user_id="ada",
    expires_at=END,
    email="ada@example.com",
    name="Ada Lovelace",
    roles=frozenset({"user", "admin"}),
    scopes=frozenset({"todos:write", "todos:read"}),
)
BOB = Principal(user_id="bob", expires_at=END)


@dataclass
class Clock:
    """A clock that stands still until it is wound.

    Attributes:
        now: The time that it shows.
    """

    now: datetime = START

    def __call__(self) -> float:
        return self.now.timestamp()

    def wind(self, **by: float) -> None:
        """Let time pass."""
        self.now += timedelta(**by)


MakeApp = Callable[..., FastAPI]
MakeClient = Callable[..., httpx2.Client]


@pytest.fixture
def clock() -> Clock:
    """The clock of the app."""
    return Clock()


@pytest.fixture
def verifier() -> FakeTokenVerifier:
    """Knows two users, whose tokens are their names."""
    return FakeTokenVerifier({"ada": ADA, "bob": BOB})


@pytest.fixture
def todos() -> InMemoryTodoRepository:
    """Where the app keeps todos."""
    return InMemoryTodoRepository()


@pytest.fixture
def make_app(clock: Clock, verifier: FakeTokenVerifier, todos: InMemoryTodoRepository) -> MakeApp:
    """Make an app of these parts, unless the test names others."""

    def make(
        *, public: tuple[str, ...] = (), parts: dict[str, Any] | None = None, **said: Any
    ) -> FastAPI:
        settings = Settings(**{"better_auth_secret": "s" * 32, **said})
        fakes = {"clock": clock, "token_verifier": verifier, "database": InMemoryDatabase()}
        fakes |= {"todos": todos, **(parts or {})}
        return create_app(Container(settings=settings, **fakes), public=public)

    return make


@pytest.fixture(scope="session")
def app_of_all() -> Api:
    """The app with every default: to make it takes longer than most tests."""
    settings = Settings.load(better_auth_secret="s" * 32)
    parts = {"token_verifier": FakeTokenVerifier(), "database": InMemoryDatabase()}
    return create_app(Container(settings=settings, **parts))


@pytest.fixture
def app(
    app_of_all: Api, clock: Clock, verifier: FakeTokenVerifier, todos: InMemoryTodoRepository
) -> FastAPI:
    """The same with parts of the test's own. Who adds a route to it makes another one first."""
    app_of_all.state.clock = clock
    app_of_all.authenticator = replace(app_of_all.authenticator, bearer=verifier)
    app_of_all.state.todos = todos
    return app_of_all


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """Where the apps of a test run."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def make_client(runner: asyncio.Runner) -> Iterator[MakeClient]:
    """Start an app, and speak to it as one of its users or as nobody."""
    started: dict[int, AbstractAsyncContextManager[None]] = {}

    def make(app: FastAPI, token: str | None = None, *, raising: bool = True) -> httpx2.Client:
        if id(app) not in started:
            started[id(app)] = served(app)
            runner.run(started[id(app)].__aenter__())
        return httpx2.Client(
            transport=AppTransport(app, runner, raising=raising),
            base_url="http://testserver",
            headers={"Authorization": f"Bearer {token}"} if token else {},
        )

    yield make
    for running in started.values():
        runner.run(running.__aexit__(None, None, None))


@pytest.fixture
def anyone(app: FastAPI, make_client: MakeClient) -> httpx2.Client:
    """Somebody without a token."""
    return make_client(app)


@pytest.fixture
def ada(app: FastAPI, make_client: MakeClient) -> httpx2.Client:
    """A user."""
    return make_client(app, "ada")


@pytest.fixture
def bob(app: FastAPI, make_client: MakeClient) -> httpx2.Client:
    """Another user."""
    return make_client(app, "bob")
