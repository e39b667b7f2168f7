"""The key that seals cursors: each database has its own key, which every process uses."""

import sqlite3

import pytest

from backend.adapters.persistence.memory import InMemoryDatabase
from backend.adapters.persistence.schema.upgrades import upgrade
from tests.adapters.persistence.databases import database_at, execute
from tests.adapters.persistence.outages import unavailable
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


async def key(url: str) -> bytes:
    async with database_at(url) as database:
        return await database.cursor_key()


async def test_every_process_of_a_database_has_the_same_key(url: str) -> None:
    async with database_at(url) as first, database_at(url) as second:
        assert await first.cursor_key() == await second.cursor_key() == await key(url)
    assert len(await key(url)) == 32


async def test_migrating_again_keeps_the_key(url: str) -> None:
    before = await key(url)
    await upgrade(database_at(url))
    assert await key(url) == before


async def test_every_database_has_its_own_key(
    url: str, tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer
) -> None:
    kind, path = url.partition(":")[0], tmp_path_factory.mktemp("other") / "todos.db"
    other = f"sqlite:///{path}" if kind == "sqlite" else postgres_server.create_database()
    await upgrade(database_at(other))
    assert await key(other) != await key(url)


async def test_the_key_of_a_closed_database_is_unavailable(url: str) -> None:
    with unavailable():
        await database_at(url).cursor_key()


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO cursor_key SELECT 2, key FROM cursor_key",
        "INSERT INTO cursor_key SELECT id, key FROM cursor_key",
        "UPDATE cursor_key SET key = NULL",
        "UPDATE cursor_key SET key = ''",
    ],
)
async def test_the_schema_stores_exactly_one_complete_key(
    url: str, postgres_server: PostgresServer, change: str
) -> None:
    before = await key(url)
    with pytest.raises((sqlite3.IntegrityError, RuntimeError), match="constraint"):
        execute(postgres_server, url, change)
    assert await key(url) == before


async def test_every_database_in_memory_has_its_own_key() -> None:
    first, second = InMemoryDatabase(), InMemoryDatabase()
    assert await first.cursor_key() == await first.cursor_key() != await second.cursor_key()
    assert len(await first.cursor_key()) == 32
