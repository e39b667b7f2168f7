"""What the settings bound of the databases."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from backend.adapters.persistence.postgres.repository import PostgresTodoRepository
from backend.adapters.persistence.sqlite.repository import SqliteTodoRepository
from backend.container import Container
from backend.domain.todo import Todo
from backend.domain.todo_repository import RepositoryUnavailableError
from backend.settings import Settings
from tests.adapters.auth.tokens import SECRET
from tests.adapters.persistence.postgres.wire import Wire
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def opened(container: Container) -> AsyncIterator[PostgresTodoRepository]:
    todos = container.todos()
    assert isinstance(todos, PostgresTodoRepository)
    async with todos:
        yield todos


def with_database(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"database_url": SecretStr(url)})


async def test_the_settings_bound_what_is_asked_of_postgresql(
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
    await Container(settings=with_database(settings, url)).upgrade_schema()
    async with Wire(url) as wire:
        made = Container(settings=with_database(settings, wire.url))
        async with opened(made) as todos:
            await asyncio.gather(*(todos.check() for _ in range(8)))
            said = b"".join(wire.sent)
            assert said.count(b"statement_timeout\x001500\x00") == 2
            assert b"__asyncpg_stmt" in said
            wire.fall_silent()
            start = time.monotonic()
            stuck = [asyncio.create_task(todos.check()) for _ in range(2)]
            await asyncio.sleep(0)
            with pytest.raises(RepositoryUnavailableError):
                await todos.check()
            assert 0.2 < time.monotonic() - start < 1
            wire.speak()
            await asyncio.gather(*stuck)


async def test_statements_are_left_unprepared_if_the_settings_say_so(
    postgres_server: PostgresServer,
) -> None:
    settings = Settings.load(better_auth_secret=SECRET.decode(), database_prepared_statements=False)
    async with Wire(postgres_server.create_database()) as wire:
        made = Container(settings=with_database(settings, wire.url))
        await made.upgrade_schema()
        wire.sent.clear()
        async with opened(made) as todos:
            await todos.check()
    said = b"".join(wire.sent)
    assert b"todos" in said
    assert b"__asyncpg_stmt" not in said
    assert b"statement_timeout" not in said


async def test_the_settings_bound_how_long_sqlite_is_waited_for(tmp_path: Path) -> None:
    settings = Settings.load(
        better_auth_secret=SECRET.decode(),
        database_url=f"sqlite:///{tmp_path}/todos.db",
        database_pool_size=1,
        database_statement_timeout=0.25,
    )
    made = Container(settings=settings)
    await made.upgrade_schema()
    todo = Todo.create(now=datetime.now(UTC), title="Buy milk")
    with closing(sqlite3.connect(tmp_path / "todos.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        start = time.monotonic()
        todos = made.todos()
        assert isinstance(todos, SqliteTodoRepository)
        async with todos:
            with pytest.raises(RepositoryUnavailableError):
                await todos.add("alice", todo)
    assert 0.2 < time.monotonic() - start < 3
