"""The database that the settings choose, and their limits for it."""

import asyncio
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from backend.adapters.persistence.memory import InMemoryDatabase, InMemoryTodoRepository
from backend.container import Container
from backend.domain.todo import Todo, TodoLimitReachedError
from backend.domain.todo_repository import RepositoryUnavailableError
from backend.settings import Settings
from tests.adapters.auth.tokens import SECRET
from tests.adapters.persistence.postgres.wire import Wire
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio


def with_database(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"database_url": SecretStr(url)})


async def test_the_settings_limit_connections_and_statements_of_postgresql(
    postgres_server: PostgresServer,
) -> None:
    url = postgres_server.create_database()
    settings = Settings.load(
        better_auth_secret=SECRET.decode(),
        database_pool_size=2,
        database_statement_timeout=1.5,
        database_connect_timeout=0.25,
        database_prepared_statements=True,
    )
    await Container(settings=with_database(settings, url)).migrate_schema()
    async with Wire(url) as wire:
        container = Container(settings=with_database(settings, wire.url))
        async with container.database() as database:
            await asyncio.gather(*(database.check() for _ in range(8)))
            sent = b"".join(wire.sent)
            assert sent.count(b"statement_timeout\x001500\x00") == 2
            assert b"__asyncpg_stmt" in sent
            wire.pause()
            start = time.monotonic()
            blocked = [asyncio.create_task(database.check()) for _ in range(2)]
            await asyncio.sleep(0)
            with pytest.raises(RepositoryUnavailableError):
                await database.check()
            assert 0.2 < time.monotonic() - start < 1
            wire.resume()
            await asyncio.gather(*blocked)


async def test_the_settings_turn_prepared_statements_off(
    postgres_server: PostgresServer,
) -> None:
    settings = Settings.load(better_auth_secret=SECRET.decode(), database_prepared_statements=False)
    async with Wire(postgres_server.create_database()) as wire:
        container = Container(settings=with_database(settings, wire.url))
        await container.migrate_schema()
        wire.sent.clear()
        async with container.database() as database:
            await database.check()
    sent = b"".join(wire.sent)
    assert b"todos" in sent
    assert b"__asyncpg_stmt" not in sent
    assert b"statement_timeout" not in sent


async def test_the_settings_limit_how_long_a_call_waits_for_sqlite(tmp_path: Path) -> None:
    settings = Settings.load(
        better_auth_secret=SECRET.decode(),
        database_url=f"sqlite:///{tmp_path}/todos.db",
        database_pool_size=1,
        database_statement_timeout=0.25,
    )
    container = Container(settings=settings)
    await container.migrate_schema()
    todo = Todo.create(now=datetime.now(UTC), title="Buy milk")
    with closing(sqlite3.connect(tmp_path / "todos.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        start = time.monotonic()
        async with container.database():
            with pytest.raises(RepositoryUnavailableError):
                await container.todos().add("alice", todo)
    assert 0.2 < time.monotonic() - start < 3


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_the_settings_limit_the_todos_of_a_user(
    kind: str, tmp_path: Path, postgres_server: PostgresServer
) -> None:
    sqlite = f"sqlite:///{tmp_path}/todos.db"
    url = sqlite if kind == "sqlite" else postgres_server.create_database()
    settings = Settings.load(better_auth_secret=SECRET.decode(), todos_max_per_user=1)
    container = Container(settings=with_database(settings, url))
    await container.migrate_schema()
    async with container.database():
        await container.todos().add("alice", Todo.create(now=datetime.now(UTC), title="Buy milk"))
        with pytest.raises(TodoLimitReachedError):
            await container.todos().add("alice", Todo.create(now=datetime.now(UTC), title="More"))


async def test_a_role_that_sees_every_row_is_a_warning_at_every_start(
    postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    url = postgres_server.create_database()
    settings = Settings.load(better_auth_secret=SECRET.decode())
    container = Container(settings=with_database(settings, url))
    await container.migrate_schema()
    await container.check_schema()
    assert caplog.records == []
    superuser = with_database(settings, postgres_server.url_for("postgres", url))
    for number in (1, 2):
        await Container(settings=superuser).check_schema()
        assert [record.levelname for record in caplog.records] == ["WARNING"] * number
    assert "row-level security: does not restrict this role" in caplog.text
    assert "BYPASSRLS" in caplog.text


async def test_a_container_with_a_database_in_memory_needs_no_other_part() -> None:
    container = Container(settings=Settings(), database=InMemoryDatabase())
    todos = container.todos()
    assert isinstance(todos, InMemoryTodoRepository)
    assert len(await container.cursor_key()()) == 32
    await container.checks()["database"]()
    assert container.resources() == [container.database()]
