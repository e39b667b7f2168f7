"""Outages of PostgreSQL: a server that is down, silent, slow, full or read-only."""

import asyncio
from collections.abc import Iterator

import pytest

from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.adapters.persistence.postgres.repository import PostgresTodoRepository
from backend.domain.todo_list import TodoQuery
from backend.domain.todo_repository import RepositoryUnavailableError
from tests.adapters.persistence.databases import open_todos
from tests.adapters.persistence.outages import unavailable
from tests.adapters.persistence.postgres.sessions import (
    locked,
    session_states,
    wait_until_available,
)
from tests.adapters.persistence.postgres.wire import Wire
from tests.adapters.persistence.samples import a_todo, a_user
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio


@pytest.fixture
def server(postgres_server: PostgresServer) -> Iterator[PostgresServer]:
    """The server, which a test may stop and start."""
    yield postgres_server
    postgres_server.start()


async def test_a_database_opens_while_the_server_is_down_and_works_when_the_server_is_up(
    server: PostgresServer, postgres_url: str
) -> None:
    server.stop()
    async with PostgresDatabase(postgres_url) as database:
        with unavailable():
            await database.check()
        with unavailable():
            await PostgresTodoRepository(database).list(a_user(), TodoQuery())
        server.start()
        await wait_until_available(database)


async def test_calls_during_a_restart_succeed_or_are_unavailable(
    server: PostgresServer, postgres_url: str, alice: str
) -> None:
    todo = a_todo()
    outages = 0

    async def read() -> None:
        nonlocal outages
        try:
            assert await todos.get(alice, todo.id) == todo
        except RepositoryUnavailableError:
            outages += 1

    async def keep_reading() -> None:
        while reading:
            await read()
            await asyncio.sleep(0)

    async with PostgresDatabase(postgres_url, pool_size=8) as database:
        todos = PostgresTodoRepository(database)
        await todos.add(alice, todo)
        reading = True
        readers = [asyncio.create_task(keep_reading()) for _ in range(16)]
        await asyncio.sleep(0.1)
        await asyncio.to_thread(server.stop)
        await asyncio.sleep(0.1)
        await asyncio.to_thread(server.start)
        await wait_until_available(database)
        reading = False
        await asyncio.gather(*readers)
        assert outages
        outages = 0
        await asyncio.gather(*(read() for _ in range(16)))
        assert not outages


async def test_idle_connections_that_the_server_closed_are_replaced(
    server: PostgresServer, postgres_url: str
) -> None:
    async with PostgresDatabase(postgres_url) as database:
        await asyncio.gather(*(database.check() for _ in range(5)))
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        await wait_until_available(database)
        await asyncio.gather(*(database.check() for _ in range(5)))


async def test_a_connection_that_got_an_unexpected_message_is_replaced(postgres_url: str) -> None:
    fields = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0"
    message = b"E" + (len(fields) + 4).to_bytes(4, "big") + fields
    async with Wire(postgres_url) as wire, PostgresDatabase(wire.url, pool_size=1) as database:
        await database.check()
        wire.interject(message)
        await asyncio.sleep(0.1)
        with unavailable():
            await database.check()
        await database.check()


async def test_connecting_to_a_silent_server_times_out() -> None:
    async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listener = await asyncio.start_server(stay_silent, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    url = f"postgresql://somebody@127.0.0.1:{port}/todos"
    async with PostgresDatabase(url, connect_timeout=0.2) as database:
        with unavailable():
            await database.check()
    listener.close()
    await listener.wait_closed()


async def test_statements_time_out_on_a_silent_network_and_work_when_it_recovers(
    postgres_url: str, alice: str
) -> None:
    async with (
        Wire(postgres_url) as wire,
        PostgresDatabase(
            wire.url, pool_size=2, connect_timeout=0.6, statement_timeout=0.6
        ) as database,
    ):
        todos = PostgresTodoRepository(database)
        await todos.add(alice, a_todo())
        wire.pause()
        for _ in range(3):
            with unavailable():
                await todos.list(alice, TodoQuery())
        wire.resume()
        await wait_until_available(database)
        assert len((await todos.list(alice, TodoQuery())).items) == 1


async def test_a_slow_statement_times_out(postgres_url: str) -> None:
    async with PostgresDatabase(postgres_url, pool_size=1, statement_timeout=0.2) as database:
        await database.check()
        async with locked(postgres_url):
            with unavailable():
                await database.check()
        await database.check()


@pytest.mark.parametrize("option", ["statement_timeout=100", "lock_timeout=100"])
async def test_a_statement_that_the_server_cancels_is_an_outage(
    postgres_url: str, option: str
) -> None:
    async with PostgresDatabase(f"{postgres_url}?{option}") as database:
        await database.check()
        async with locked(postgres_url):
            with unavailable():
                await database.check()


async def test_the_server_ends_a_statement_that_its_client_can_no_longer_cancel(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    async with (
        Wire(postgres_url) as wire,
        PostgresDatabase(wire.url, connect_timeout=0.5, statement_timeout=0.5) as database,
    ):
        await database.check()
        async with locked(postgres_url):
            call = asyncio.create_task(database.check())
            await asyncio.sleep(0.1)
            assert "active Lock" in session_states(postgres_server, postgres_url)
            wire.pause()
            with unavailable():
                await call
            await asyncio.sleep(0.5)
            assert "active Lock" not in session_states(postgres_server, postgres_url)


async def test_writing_to_a_read_only_server_is_an_outage(postgres_url: str, alice: str) -> None:
    url = f"{postgres_url}?default_transaction_read_only=on"
    async with open_todos(url) as todos:
        await todos.list(alice, TodoQuery())
        with unavailable():
            await todos.add(alice, a_todo())


async def test_a_server_without_free_connections_is_unavailable(
    server: PostgresServer, postgres_url: str
) -> None:
    server.execute(
        "CREATE ROLE one_only LOGIN PASSWORD 'secret' CONNECTION LIMIT 1;"
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO one_only",
        postgres_url,
    )
    host_and_database = postgres_url.rpartition("@")[2]
    url = f"postgresql://one_only:secret@{host_and_database}"
    async with PostgresDatabase(url) as first, PostgresDatabase(url) as second:
        await first.check()
        with unavailable():
            await second.check()
