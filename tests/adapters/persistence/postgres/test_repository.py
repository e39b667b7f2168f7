"""What is particular to PostgreSQL: a server that goes away, falls silent, or is full."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import asyncpg
import pytest

from backend.adapters.persistence import schema
from backend.adapters.persistence.postgres.repository import PostgresTodoRepository
from backend.domain.todo import Todo, TodoNotFoundError
from backend.domain.todo_list import TodoQuery
from backend.domain.todo_repository import RepositoryUnavailableError
from tests.adapters.persistence.outages import SOON, unavailable
from tests.adapters.persistence.postgres.wire import Wire
from tests.adapters.persistence.samples import NOW, a_todo, a_user
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio


@pytest.fixture
def server(postgres_server: PostgresServer) -> Iterator[PostgresServer]:
    """The server, to stop and start."""
    yield postgres_server
    postgres_server.start()


@asynccontextmanager
async def locked(url: str) -> AsyncIterator[None]:
    """Let nobody else read or write any todo."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE todos IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


async def until_reached(todos: PostgresTodoRepository) -> None:
    """Try again as a client would, for at most five seconds."""
    deadline = time.monotonic() + 5
    while True:
        try:
            return await todos.check()
        except RepositoryUnavailableError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.02)


def sessions(server: PostgresServer, url: str) -> set[str]:
    """Return what the sessions on a database do, as the server sees them."""
    seen = server.execute(
        "SELECT state || ' ' || coalesce(wait_event_type, '-') FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND state IS NOT NULL",
        url,
    )
    return set(seen.splitlines())


@pytest.mark.parametrize("url", ["", "postgres", "mysql://host/todos", "sqlite:///todos.db"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="postgresql://"):
        PostgresTodoRepository(url)


async def test_a_repository_that_is_not_open_is_unavailable(postgres_url: str) -> None:
    todos = PostgresTodoRepository(postgres_url)
    with unavailable():
        await todos.check()
    async with todos:
        await todos.check()
    with unavailable():
        await todos.check()


async def test_a_repository_can_be_opened_again(postgres_url: str, alice: str) -> None:
    todos = PostgresTodoRepository(postgres_url)
    todo = a_todo()
    async with todos:
        await todos.add(alice, todo)
    async with todos:
        assert await todos.get(alice, todo.id) == todo


async def test_opens_while_the_server_is_down_and_finds_it_when_it_is_up(
    server: PostgresServer, postgres_url: str
) -> None:
    server.stop()
    async with PostgresTodoRepository(postgres_url) as todos:
        with unavailable():
            await todos.check()
        with unavailable():
            await todos.list(a_user(), TodoQuery())
        server.start()
        await until_reached(todos)


async def test_a_restart_is_survived_with_nothing_worse_than_unavailable(
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

    async with PostgresTodoRepository(postgres_url, pool_size=8) as todos:
        await todos.add(alice, todo)
        reading = True
        readers = [asyncio.create_task(keep_reading()) for _ in range(16)]
        await asyncio.sleep(0.1)
        await asyncio.to_thread(server.stop)
        await asyncio.sleep(0.1)
        await asyncio.to_thread(server.start)
        await until_reached(todos)
        reading = False
        await asyncio.gather(*readers)
        assert outages
        outages = 0
        await asyncio.gather(*(read() for _ in range(16)))
        assert not outages


async def test_connections_cut_while_idle_are_replaced(
    server: PostgresServer, postgres_url: str
) -> None:
    async with PostgresTodoRepository(postgres_url) as todos:
        await asyncio.gather(*(todos.check() for _ in range(5)))
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        await until_reached(todos)
        await asyncio.gather(*(todos.check() for _ in range(5)))


async def test_a_connection_confused_by_an_unasked_farewell_is_replaced(postgres_url: str) -> None:
    fields = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0"
    farewell = b"E" + (len(fields) + 4).to_bytes(4, "big") + fields
    async with Wire(postgres_url) as wire, PostgresTodoRepository(wire.url, pool_size=1) as todos:
        await todos.check()
        wire.interject(farewell)
        await asyncio.sleep(0.1)
        with unavailable():
            await todos.check()
        await todos.check()


async def test_a_server_that_never_answers_is_given_up_on() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listener = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    url = f"postgresql://somebody@127.0.0.1:{port}/todos"
    async with PostgresTodoRepository(url, connect_timeout=0.2) as todos:
        with unavailable():
            await todos.check()
    listener.close()
    await listener.wait_closed()


async def test_a_network_that_falls_silent_is_given_up_on_and_found_again(
    postgres_url: str, alice: str
) -> None:
    async with (
        Wire(postgres_url) as wire,
        PostgresTodoRepository(
            wire.url, pool_size=2, connect_timeout=0.6, statement_timeout=0.6
        ) as todos,
    ):
        await todos.add(alice, a_todo())
        wire.fall_silent()
        for _ in range(3):
            with unavailable():
                await todos.list(alice, TodoQuery())
        wire.speak()
        await until_reached(todos)
        assert len((await todos.list(alice, TodoQuery())).items) == 1


async def test_closing_does_not_wait_for_a_silent_network(postgres_url: str) -> None:
    async with Wire(postgres_url) as wire:
        todos = PostgresTodoRepository(wire.url, connect_timeout=0.6, statement_timeout=0.6)
        async with todos:
            await todos.check()
            wire.fall_silent()
            call = asyncio.create_task(todos.check())
            await asyncio.sleep(0)
            start = time.monotonic()
        assert time.monotonic() - start < SOON
        with pytest.raises(RepositoryUnavailableError):
            await call


async def test_a_slow_statement_is_given_up_on(postgres_url: str) -> None:
    async with PostgresTodoRepository(postgres_url, pool_size=1, statement_timeout=0.2) as todos:
        await todos.check()
        async with locked(postgres_url):
            with unavailable():
                await todos.check()
        await todos.check()


@pytest.mark.parametrize("option", ["statement_timeout=100", "lock_timeout=100"])
async def test_a_statement_that_the_server_gives_up_on_is_an_outage(
    postgres_url: str, option: str
) -> None:
    async with PostgresTodoRepository(f"{postgres_url}?{option}") as todos:
        await todos.check()
        async with locked(postgres_url):
            with unavailable():
                await todos.check()


async def test_a_server_that_only_reads_is_an_outage_for_who_writes(
    postgres_url: str, alice: str
) -> None:
    url = f"{postgres_url}?default_transaction_read_only=on"
    async with PostgresTodoRepository(url) as todos:
        await todos.list(alice, TodoQuery())
        with unavailable():
            await todos.add(alice, a_todo())


async def test_waiting_for_a_connection_has_an_end(postgres_url: str) -> None:
    async with PostgresTodoRepository(postgres_url, pool_size=2, connect_timeout=0.8) as todos:
        await todos.check()
        async with locked(postgres_url):
            stuck = [asyncio.create_task(todos.check()) for _ in range(2)]
            await asyncio.sleep(0.1)
            with unavailable():
                await todos.check()
        await asyncio.gather(*stuck)
        await todos.check()


async def test_no_more_connections_are_opened_than_are_needed_at_once(
    postgres_server: PostgresServer, postgres_url: str, alice: str
) -> None:
    def pids() -> set[str]:
        asked = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        asked += " AND pid <> pg_backend_pid() AND state IS NOT NULL"
        return set(postgres_server.execute(asked, postgres_url).splitlines())

    async with PostgresTodoRepository(postgres_url, pool_size=3) as todos:
        for _ in range(5):
            await todos.list(alice, TodoQuery())
        first = pids()
        assert len(first) == 1
        for _ in range(3):
            await asyncio.gather(*(todos.list(alice, TodoQuery()) for _ in range(20)))
        assert first < pids()
        assert len(pids()) == 3
    assert pids() == set()


async def test_a_server_that_is_full_is_unavailable(
    server: PostgresServer, postgres_url: str
) -> None:
    server.execute(
        "CREATE ROLE one_only LOGIN PASSWORD 'secret' CONNECTION LIMIT 1;"
        "GRANT ALL ON todos TO one_only",
        postgres_url,
    )
    host_and_database = postgres_url.rpartition("@")[2]
    url = f"postgresql://one_only:secret@{host_and_database}"
    async with PostgresTodoRepository(url) as first, PostgresTodoRepository(url) as second:
        await first.check()
        with unavailable():
            await second.check()


async def test_a_wrong_password_is_reported_but_never_shown(postgres_url: str) -> None:
    password = urlsplit(postgres_url).password
    assert password
    url = postgres_url.replace(password, "not-the-password")
    async with PostgresTodoRepository(url) as todos:
        with pytest.raises(RepositoryUnavailableError, match="InvalidPassword") as failure:
            await todos.check()
    assert "not-the-password" not in f"{failure.value!r} {todos!r}"


async def test_a_database_without_a_schema_is_unavailable(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    async with PostgresTodoRepository(url) as todos:
        with unavailable():
            await todos.check()


async def test_a_schema_that_was_taken_back_is_unavailable(
    postgres_server: PostgresServer, alice: str
) -> None:
    url = postgres_server.create_database()
    await schema.upgrade(url)
    await schema.downgrade(url, "0001")
    async with PostgresTodoRepository(url) as todos:
        with unavailable():
            await todos.list(alice, TodoQuery())


@pytest.mark.parametrize("wrong", ["_no_more", "?no_such_setting=on"])
async def test_a_database_that_cannot_be_entered_is_unavailable(
    postgres_url: str, wrong: str
) -> None:
    async with PostgresTodoRepository(postgres_url + wrong) as todos:
        with unavailable():
            await todos.check()


async def test_a_rule_of_the_schema_that_is_broken_is_not_an_outage(
    postgres_url: str, alice: str
) -> None:
    async with PostgresTodoRepository(postgres_url) as todos:
        with pytest.raises(asyncpg.CheckViolationError):
            await todos.add(alice, replace(a_todo(), version=0))


async def test_calls_that_are_cancelled_leave_nothing_behind(
    postgres_server: PostgresServer, postgres_url: str, alice: str
) -> None:
    todo = a_todo()

    async def call(number: int, todos: PostgresTodoRepository, made: Todo) -> None:
        match number % 4:
            case 0:
                await todos.list(alice, TodoQuery(q="milk"))
            case 1:
                await todos.save(alice, todo.change(now=NOW))
            case _:
                await todos.add(alice, made)

    async with PostgresTodoRepository(postgres_url, pool_size=3) as todos:
        await todos.add(alice, todo)
        await asyncio.gather(*(todos.check() for _ in range(3)))
        for number in range(120):
            calls = [asyncio.create_task(call(number + i, todos, a_todo())) for i in range(4)]
            await asyncio.sleep(number * 0.00005)
            for one in calls:
                one.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        await asyncio.gather(*(todos.check() for _ in range(10)))
        assert sessions(postgres_server, postgres_url) == {"idle Client"}


async def test_a_call_that_is_cancelled_while_it_waits_is_cancelled_on_the_server(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    async with PostgresTodoRepository(postgres_url, pool_size=1) as todos:
        async with locked(postgres_url):
            call = asyncio.create_task(todos.check())
            await asyncio.sleep(0.2)
            assert "active Lock" in sessions(postgres_server, postgres_url)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert "active Lock" not in sessions(postgres_server, postgres_url)
        await todos.check()


@pytest.mark.parametrize("what", ["remove", "remove this version", "save"])
async def test_what_another_one_takes_away_meanwhile_is_not_there(
    postgres_server: PostgresServer, postgres_url: str, alice: str, what: str
) -> None:
    todo = a_todo()
    async with PostgresTodoRepository(postgres_url, pool_size=1) as todos:
        await todos.add(alice, todo)
        other = await asyncpg.connect(postgres_url)
        async with other.transaction():
            await other.execute(
                "DELETE FROM todos WHERE user_id = $1::acting_user AND id = $2", alice, todo.id
            )
            call = asyncio.create_task(
                todos.save(alice, todo.change(now=NOW, title="Too late"))
                if what == "save"
                else todos.remove(alice, todo.id, version=None if what == "remove" else 1)
            )
            await asyncio.sleep(0.2)
            assert "active Lock" in sessions(postgres_server, postgres_url)
        await other.close()
        with pytest.raises(TodoNotFoundError):
            await call


async def test_a_call_is_one_round_trip(postgres_url: str, alice: str) -> None:
    todo = a_todo()
    async with Wire(postgres_url) as wire, PostgresTodoRepository(wire.url, pool_size=1) as todos:
        for number in range(3):
            wire.sent.clear()
            await todos.add(alice, a_todo())
            await todos.add(alice, todo := a_todo(str(number)))
            await todos.get(alice, todo.id)
            await todos.list(alice, TodoQuery())
            await todos.save(alice, todo.change(now=NOW))
            await todos.remove(alice, todo.id)
        assert len(wire.sent) == 6


@pytest.mark.parametrize(("kept", "named"), [(True, True), (False, False)])
async def test_statements_are_prepared_under_a_name_only_if_they_may_be_kept(
    postgres_url: str, alice: str, kept: bool, named: bool
) -> None:
    async with (
        Wire(postgres_url) as wire,
        PostgresTodoRepository(wire.url, statement_cache=kept) as todos,
    ):
        for _ in range(2):
            await todos.list(alice, TodoQuery())
        assert (b"__asyncpg_stmt" in b"".join(wire.sent)) is named


async def test_options_in_the_url_reach_the_driver(postgres_url: str) -> None:
    for_plain, for_tls = f"{postgres_url}?sslmode=disable", f"{postgres_url}?sslmode=require"
    async with PostgresTodoRepository(for_plain) as todos:
        await todos.check()
    async with PostgresTodoRepository(for_tls) as todos:
        with unavailable():
            await todos.check()


async def test_a_statement_that_its_client_can_no_longer_cancel_is_ended_by_the_server(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    async with (
        Wire(postgres_url) as wire,
        PostgresTodoRepository(wire.url, connect_timeout=0.5, statement_timeout=0.5) as todos,
    ):
        await todos.check()
        async with locked(postgres_url):
            call = asyncio.create_task(todos.check())
            await asyncio.sleep(0.1)
            assert "active Lock" in sessions(postgres_server, postgres_url)
            wire.fall_silent()
            with unavailable():
                await call
            await asyncio.sleep(0.5)
            assert "active Lock" not in sessions(postgres_server, postgres_url)
