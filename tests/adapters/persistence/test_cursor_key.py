"""The key that seals cursors: one for all who serve from a database, for as long as it lives."""

import sqlite3
from contextlib import closing

import pytest

from backend.adapters.persistence import schema
from backend.adapters.persistence.memory import InMemoryTodoRepository
from backend.adapters.persistence.postgres.repository import PostgresTodoRepository
from backend.adapters.persistence.sqlite.repository import SqliteTodoRepository
from tests.adapters.persistence.outages import unavailable
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


def repository(url: str) -> SqliteTodoRepository | PostgresTodoRepository:
    return SqliteTodoRepository(url) if url.startswith("sqlite:") else PostgresTodoRepository(url)


def execute(server: PostgresServer, url: str, statement: str) -> None:
    """Run a statement as an operator would."""
    if url.startswith("sqlite:"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.execute(statement)
    else:
        server.execute(statement, url)


async def key(url: str) -> bytes:
    async with repository(url) as todos:
        return await todos.cursor_key()


async def test_whoever_serves_from_a_database_has_the_same_key(url: str) -> None:
    async with repository(url) as one, repository(url) as another:
        assert await one.cursor_key() == await another.cursor_key() == await key(url)
    assert len(await key(url)) == 32


async def test_migrating_again_keeps_the_key(url: str) -> None:
    before = await key(url)
    await schema.upgrade(url)
    assert await key(url) == before


async def test_every_database_has_a_key_of_its_own(
    url: str, tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer
) -> None:
    kind, path = url.partition(":")[0], tmp_path_factory.mktemp("other") / "todos.db"
    other = f"sqlite:///{path}" if kind == "sqlite" else postgres_server.create_database()
    await schema.upgrade(other)
    assert await key(other) != await key(url)


async def test_a_key_out_of_reach_is_an_outage(url: str) -> None:
    with unavailable():
        await repository(url).cursor_key()


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO cursor_key SELECT 2, key FROM cursor_key",
        "INSERT INTO cursor_key SELECT id, key FROM cursor_key",
        "UPDATE cursor_key SET key = NULL",
        "UPDATE cursor_key SET key = ''",
    ],
)
async def test_there_is_one_key_and_it_is_whole(
    url: str, postgres_server: PostgresServer, change: str
) -> None:
    before = await key(url)
    with pytest.raises((sqlite3.IntegrityError, RuntimeError), match="constraint"):
        execute(postgres_server, url, change)
    assert await key(url) == before


async def test_memory_keeps_its_key_and_shares_it_with_nobody() -> None:
    one, another = InMemoryTodoRepository(), InMemoryTodoRepository()
    assert await one.cursor_key() == await one.cursor_key() != await another.cursor_key()
    assert len(await one.cursor_key()) == 32
