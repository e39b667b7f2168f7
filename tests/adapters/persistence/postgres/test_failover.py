"""Failures that only new connections fix, and changes of the schema while a server runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.adapters.persistence.postgres.repository import PostgresTodoRepository
from backend.adapters.persistence.schema.upgrades import upgrade
from backend.domain.todo_list import TodoQuery
from tests.adapters.persistence.outages import unavailable
from tests.adapters.persistence.samples import a_todo, a_user
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio


@pytest.fixture
def url(postgres_server: PostgresServer) -> str:
    return postgres_server.create_database()


@pytest.fixture
async def database(url: str) -> AsyncIterator[PostgresDatabase]:
    await upgrade(PostgresDatabase(url))
    async with PostgresDatabase(url, pool_size=3) as database:
        await asyncio.gather(*(database.check() for _ in range(3)))
        yield database


@pytest.fixture
def todos(database: PostgresDatabase) -> PostgresTodoRepository:
    return PostgresTodoRepository(database)


def make_read_only(server: PostgresServer, url: str, *, read_only: bool) -> None:
    """Make new sessions read-only, and no open session, as after a failover."""
    name = url.rpartition("/")[2]
    value = "on" if read_only else "off"
    server.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {value}")


@asynccontextmanager
async def after_failover(server: PostgresServer, url: str) -> AsyncIterator[PostgresDatabase]:
    """Open a database whose open connections are read-only, while new connections are not."""
    await upgrade(PostgresDatabase(url))
    make_read_only(server, url, read_only=True)
    async with PostgresDatabase(url, pool_size=3) as database:
        todos = PostgresTodoRepository(database)
        await asyncio.gather(*(todos.list(a_user(), TodoQuery()) for _ in range(3)))
        make_read_only(server, url, read_only=False)
        yield database


async def test_every_connection_is_replaced_after_a_failover(
    postgres_server: PostgresServer, url: str, alice: str
) -> None:
    async with after_failover(postgres_server, url) as database:
        todos = PostgresTodoRepository(database)
        with unavailable():
            await todos.add(alice, a_todo())
        await asyncio.gather(*(todos.add(a_user(), a_todo()) for _ in range(6)))


async def test_readiness_sees_a_read_only_server_and_replaces_its_connections(
    postgres_server: PostgresServer, url: str, alice: str
) -> None:
    async with after_failover(postgres_server, url) as database:
        with unavailable():
            await database.check()
        await asyncio.gather(*(database.check() for _ in range(3)))
        await PostgresTodoRepository(database).add(alice, a_todo())


async def test_readiness_fails_while_the_server_is_read_only(
    postgres_server: PostgresServer, url: str
) -> None:
    await upgrade(PostgresDatabase(url))
    make_read_only(postgres_server, url, read_only=True)
    async with PostgresDatabase(url) as database:
        for _ in range(3):
            with unavailable():
                await database.check()


@pytest.mark.parametrize("column", ["priority", "search_text"])
async def test_a_missing_column_is_an_outage_that_readiness_sees(
    database: PostgresDatabase, postgres_server: PostgresServer, url: str, alice: str, column: str
) -> None:
    todos, todo = PostgresTodoRepository(database), a_todo()
    await todos.add(alice, todo)
    postgres_server.execute(f"ALTER TABLE todos RENAME COLUMN {column} TO other", url)
    with unavailable():
        await database.check()
    for _ in range(3):
        with unavailable():
            await todos.add(alice, a_todo())
    postgres_server.execute(f"ALTER TABLE todos RENAME COLUMN other TO {column}", url)
    await database.check()
    assert await todos.get(alice, todo.id) == todo


@pytest.mark.parametrize("table", ["todos", "idempotency_keys"])
@pytest.mark.parametrize("privilege", ["SELECT", "INSERT", "UPDATE", "DELETE"])
async def test_a_revoked_privilege_is_an_outage_that_readiness_sees(
    database: PostgresDatabase,
    postgres_server: PostgresServer,
    url: str,
    table: str,
    privilege: str,
) -> None:
    postgres_server.execute(f"REVOKE {privilege} ON {table} FROM todos_owner", url)
    with unavailable():
        await database.check()
    postgres_server.execute(f"GRANT {privilege} ON {table} TO todos_owner", url)
    await database.check()


async def test_calls_without_their_privilege_are_unavailable(
    todos: PostgresTodoRepository, postgres_server: PostgresServer, url: str, alice: str
) -> None:
    todo = a_todo()
    await todos.add(alice, todo)
    postgres_server.execute("REVOKE ALL ON todos FROM todos_owner", url)
    for call in (
        todos.add(alice, a_todo()),
        todos.get(alice, todo.id),
        todos.list(alice, TodoQuery()),
        todos.remove(alice, todo.id),
    ):
        with unavailable():
            await call
    postgres_server.execute("GRANT ALL ON todos TO todos_owner", url)
    assert await todos.get(alice, todo.id) == todo


async def test_a_table_that_is_gone_is_an_outage(
    todos: PostgresTodoRepository, postgres_server: PostgresServer, url: str, alice: str
) -> None:
    todo = a_todo()
    await todos.add(alice, todo)
    await todos.get(alice, todo.id)
    postgres_server.execute("ALTER TABLE todos ADD COLUMN more text", url)
    assert await todos.get(alice, todo.id) == todo
    postgres_server.execute("ALTER TABLE todos RENAME TO elsewhere", url)
    with unavailable():
        await todos.get(alice, todo.id)
