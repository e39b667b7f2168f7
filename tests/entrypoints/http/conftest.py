"""The API with callers who need no tokens, todos in memory, and a clock that the test winds."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from backend.adapters.persistence.memory import InMemoryTodoRepository
from backend.container import Container
from backend.domain.auth import Principal
from backend.entrypoints.http.app import create_app
from backend.settings import Settings
from tests.fakes import FakeTokenVerifier

START = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
ADA = Principal(
    user_id="ada",
    expires_at=START + timedelta(hours=1),
    email="ada@example.com",
    name="Ada Lovelace",
    roles=frozenset({"user", "admin"}),
    scopes=frozenset({"todos:write", "todos:read"}),
)
BOB = Principal(user_id="bob", expires_at=START + timedelta(hours=1))


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
MakeClient = Callable[..., TestClient]


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
        fakes = {"clock": clock, "token_verifier": verifier, "todos": todos, **(parts or {})}
        return create_app(Container(settings=settings, **fakes), public=public)

    return make


@pytest.fixture
def app(make_app: MakeApp) -> FastAPI:
    """The app with every default."""
    return make_app()


@pytest.fixture
def make_client() -> Iterator[MakeClient]:
    """Speak to an app, started, as one of its users or as nobody."""
    with ExitStack() as stack:

        def make(app: FastAPI, token: str | None = None, **said: Any) -> TestClient:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return stack.enter_context(TestClient(app, headers=headers, **said))

        yield make


@pytest.fixture
def anyone(app: FastAPI, make_client: MakeClient) -> TestClient:
    """Somebody without a token."""
    return make_client(app)


@pytest.fixture
def ada(app: FastAPI, make_client: MakeClient) -> TestClient:
    """A user."""
    return make_client(app, "ada")


@pytest.fixture
def bob(app: FastAPI, make_client: MakeClient) -> TestClient:
    """Another user."""
    return make_client(app, "bob")
