"""The container: which adapters the settings choose, and how parts are made and replaced."""

import asyncio
from pathlib import Path

import pytest
from dependency_injector import providers

from backend.adapters.persistence.memory import InMemoryDatabase
from backend.adapters.persistence.postgres.repository import PostgresTodoRepository
from backend.adapters.persistence.sqlite.repository import SqliteTodoRepository
from backend.container import Container
from backend.domain.todo_repository import RepositoryUnavailableError
from backend.settings import ConfigurationError, Settings
from backend.testing.fakes import FakeTokenVerifier
from tests.adapters.auth.tokens import SECRET, token
from tests.container.conftest import MakeContainer
from tests.container.key_server import SIGNERS, URL
from tests.container.outcomes import token_outcome

pytestmark = pytest.mark.anyio


async def test_readiness_checks_the_keys_and_the_database(
    make_container: MakeContainer, tmp_path: Path
) -> None:
    container = await make_container(
        better_auth_url=URL, database_url=f"sqlite:///{tmp_path}/none.db"
    )
    checks = container.checks()
    assert set(checks) == {"keys", "database"}
    assert await token_outcome(container, token(SIGNERS["EdDSA"])) == "user-1"
    await checks["keys"]()
    with pytest.raises(RepositoryUnavailableError):
        await checks["database"]()


def test_there_is_no_key_set_with_only_a_secret() -> None:
    container = Container(
        settings=Settings.load(better_auth_secret=SECRET.decode()), database=InMemoryDatabase()
    )
    assert container.jwks_keys() is None
    assert set(container.checks()) == {"database"}
    assert len(container.resources()) == 1


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("sqlite:///todos.db", SqliteTodoRepository),
        ("sqlite:////var/lib/todos.db", SqliteTodoRepository),
        ("postgresql://me@db.example.com/todos", PostgresTodoRepository),
        ("postgres://me@db.example.com/todos", PostgresTodoRepository),
    ],
)
def test_the_url_chooses_the_database(url: str, kind: type) -> None:
    settings = Settings.load(better_auth_secret=SECRET.decode(), database_url=url)
    assert type(Container(settings=settings).todos()) is kind


async def test_every_part_is_made_once_and_opened_in_order(make_container: MakeContainer) -> None:
    container = await make_container(better_auth_url=URL)
    for part in ("settings", "http_client", "jwks_keys", "token_verifier", "database", "todos"):
        provider = getattr(container, part)
        assert provider() is provider(), part
    assert container.resources() == [container.jwks_keys(), container.database()]


async def test_two_containers_share_no_parts() -> None:
    settings = Settings.load(better_auth_url=URL)
    first, second = Container(settings=settings), Container(settings=settings)
    for part in ("http_client", "jwks_keys", "token_verifier", "database", "todos"):
        assert getattr(first, part)() is not getattr(second, part)(), part
    for container in (first, second):
        await container.http_client().aclose()


def test_a_part_can_be_overridden() -> None:
    verifier, container = FakeTokenVerifier(), Container()
    container.token_verifier.override(providers.Object(verifier))
    assert container.token_verifier() is verifier


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET.decode())
    monkeypatch.setenv("PORT", "1234")
    assert Container().settings().port == 1234


def test_an_invalid_environment_raises_an_error_on_first_use() -> None:
    container = Container()
    with pytest.raises(ConfigurationError):
        container.settings()


def test_the_schema_is_created_and_found_current(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/todos.db"
    container = Container(
        settings=Settings.load(better_auth_secret=SECRET.decode(), database_url=url)
    )
    with pytest.raises(ConfigurationError, match=r"^DATABASE_URL: .*backend migrate"):
        asyncio.run(container.check_schema())
    asyncio.run(container.migrate_schema())
    asyncio.run(container.check_schema())


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunter2@127.0.0.1:1/todos",
        "postgresql://me:hunter2@127.0.0.1:port/todos",
        "postgresql://me:hunter2@127.0.0.1:99999/todos",
        "postgresql://me:hunter2@[::1/todos",
        "postgresql://me:hunter2@127.0.0.1:1/todos?sslmode=maybe",
        "sqlite:////nowhere/at/all/todos.db",
    ],
)
def test_an_unreachable_database_is_a_complaint(url: str) -> None:
    container = Container(
        settings=Settings.load(better_auth_secret=SECRET.decode(), database_url=url)
    )
    with pytest.raises(ConfigurationError, match=r"^DATABASE_URL: ") as failure:
        asyncio.run(container.migrate_schema())
    (complaint,) = failure.value.complaints
    assert "hunter2" not in str(complaint)
