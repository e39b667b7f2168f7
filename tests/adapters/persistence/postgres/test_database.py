"""`PostgresDatabase`: its URL, opening and closing, and the use of its connections."""

import asyncio
import time
from urllib.parse import urlsplit

import pytest

from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.adapters.persistence.postgres.repository import PostgresTodoRepository
from backend.adapters.persistence.schema.upgrades import downgrade, upgrade
from backend.domain.todo_list import TodoQuery
from backend.domain.todo_repository import RepositoryUnavailableError
from tests.adapters.persistence.databases import open_todos
from tests.adapters.persistence.outages import SOON, unavailable
from tests.adapters.persistence.postgres.sessions import locked
from tests.adapters.persistence.postgres.wire import Wire
from tests.adapters.persistence.samples import a_todo, a_user
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("url", ["", "postgres", "mysql://host/todos", "sqlite:///todos.db"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="postgresql://"):
        PostgresDatabase(url)


async def test_a_closed_database_is_unavailable(postgres_url: str) -> None:
    database = PostgresDatabase(postgres_url)
    with unavailable():
        await database.check()
    async with database:
        await database.check()
    with unavailable():
        await database.check()


async def test_a_database_can_be_opened_again(postgres_url: str, alice: str) -> None:
    database = PostgresDatabase(postgres_url)
    todos, todo = PostgresTodoRepository(database), a_todo()
    async with database:
        await todos.add(alice, todo)
    async with database:
        assert await todos.get(alice, todo.id) == todo


async def test_closing_does_not_wait_for_a_silent_network(postgres_url: str) -> None:
    async with Wire(postgres_url) as wire:
        database = PostgresDatabase(wire.url, connect_timeout=0.6, statement_timeout=0.6)
        async with database:
            await database.check()
            wire.pause()
            call = asyncio.create_task(database.check())
            await asyncio.sleep(0)
            start = time.monotonic()
        assert time.monotonic() - start < SOON
        with pytest.raises(RepositoryUnavailableError):
            await call


async def test_waiting_for_a_connection_times_out(postgres_url: str) -> None:
    async with PostgresDatabase(postgres_url, pool_size=2, connect_timeout=0.8) as database:
        await database.check()
        async with locked(postgres_url):
            blocked = [asyncio.create_task(database.check()) for _ in range(2)]
            await asyncio.sleep(0.1)
            with unavailable():
                await database.check()
        await asyncio.gather(*blocked)
        await database.check()


async def test_no_more_connections_are_opened_than_concurrent_calls_need(
    postgres_server: PostgresServer, postgres_url: str, alice: str
) -> None:
    def pids() -> set[str]:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        query += " AND pid <> pg_backend_pid() AND state IS NOT NULL"
        return set(postgres_server.execute(query, postgres_url).splitlines())

    async with open_todos(postgres_url, pool_size=3) as todos:
        for _ in range(5):
            await todos.list(alice, TodoQuery())
        first = pids()
        assert len(first) == 1
        for _ in range(3):
            await asyncio.gather(*(todos.list(a_user(), TodoQuery()) for _ in range(20)))
        assert first < pids()
        assert len(pids()) == 3
    assert pids() == set()


async def test_a_wrong_password_is_reported_but_never_shown(postgres_url: str) -> None:
    password = urlsplit(postgres_url).password
    assert password
    url = postgres_url.replace(password, "not-the-password")
    async with PostgresDatabase(url) as database:
        with pytest.raises(RepositoryUnavailableError, match="InvalidPassword") as failure:
            await database.check()
    assert "not-the-password" not in f"{failure.value!r} {database!r}"


async def test_a_database_without_a_schema_is_unavailable(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    async with PostgresDatabase(url) as database:
        with unavailable():
            await database.check()


async def test_a_downgraded_schema_is_unavailable(
    postgres_server: PostgresServer, alice: str
) -> None:
    url = postgres_server.create_database()
    await upgrade(PostgresDatabase(url))
    await downgrade(PostgresDatabase(url), "0001")
    async with open_todos(url) as todos:
        with unavailable():
            await todos.list(alice, TodoQuery())


@pytest.mark.parametrize("wrong", ["_no_more", "?no_such_setting=on"])
async def test_a_database_that_refuses_connections_is_unavailable(
    postgres_url: str, wrong: str
) -> None:
    async with PostgresDatabase(postgres_url + wrong) as database:
        with unavailable():
            await database.check()


@pytest.mark.parametrize(("kept", "named"), [(True, True), (False, False)])
async def test_statements_are_prepared_under_a_name_only_with_the_statement_cache(
    postgres_url: str, alice: str, kept: bool, named: bool
) -> None:
    async with (
        Wire(postgres_url) as wire,
        open_todos(wire.url, statement_cache=kept) as todos,
    ):
        for _ in range(2):
            await todos.list(alice, TodoQuery())
        assert (b"__asyncpg_stmt" in b"".join(wire.sent)) is named


async def test_options_in_the_url_reach_the_driver(postgres_url: str) -> None:
    async with PostgresDatabase(f"{postgres_url}?sslmode=disable") as plain:
        await plain.check()
    async with PostgresDatabase(f"{postgres_url}?sslmode=require") as encrypted:
        with unavailable():
            await encrypted.check()
