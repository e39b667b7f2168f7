"""SQLite: the file, its locks, and work on threads that is cancelled or times out."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import aiosqlite
import pytest

from backend.adapters.persistence.schema.upgrades import upgrade
from backend.adapters.persistence.sqlite.connections import SqliteConnections
from backend.adapters.persistence.sqlite.database import SqliteDatabase
from backend.adapters.persistence.sqlite.repository import SqliteTodoRepository
from backend.domain.todo_list import TodoQuery
from tests.adapters.persistence.databases import open_todos
from tests.adapters.persistence.outages import unavailable
from tests.adapters.persistence.samples import NOW, a_todo

pytestmark = pytest.mark.anyio

ENDLESS = """
WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers)
SELECT count(*) FROM numbers
"""


@pytest.fixture
def path(sqlite_url: str) -> Path:
    return Path(sqlite_url.removeprefix("sqlite:///"))


@pytest.fixture(autouse=True)
def no_thread_survives() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        if not thread.name.startswith("asyncio_"):  # the event loop's own
            thread.join(1)
            assert not thread.is_alive()


@asynccontextmanager
async def open_connections(
    path: Path, *, size: int = 1, seconds: float = 5
) -> AsyncIterator[SqliteConnections]:
    connections = SqliteConnections(
        path, size=size, connect_timeout=seconds, statement_timeout=seconds
    )
    connections.open()
    try:
        yield connections
    finally:
        await connections.close()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lock the file, so that no other connection can write."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def endless(connection: aiosqlite.Connection) -> None:
    await connection.execute_fetchall(ENDLESS)


async def settings(connection: aiosqlite.Connection) -> list[object]:
    names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    rows = [await connection.execute_fetchall(f"PRAGMA {name}") for name in names]
    return [value for ((value,),) in rows]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "todos.db",
        "sqlite:",
        "sqlite://",
        "sqlite:///",
        "sqlite://todos.db",
        "sqlite:///:memory:",
        "sqlite:///todos.db?mode=memory",
        "postgresql://localhost/todos",
    ],
)
def test_urls_that_name_no_file_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///"):
        SqliteDatabase(url)


@pytest.mark.parametrize("name", ["todos.db", "with space.db", "100%25.db", "a#b.db", "tö'dos.db"])
async def test_a_relative_path_may_contain_any_character(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alice: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///{name}"
    await upgrade(SqliteDatabase(url))
    assert (tmp_path / name).exists()
    database = SqliteDatabase(url)
    monkeypatch.chdir("/")
    async with database:
        todos = SqliteTodoRepository(database)
        await todos.add(alice, a_todo())
        assert len((await todos.list(alice, TodoQuery())).items) == 1


async def test_a_closed_database_is_unavailable(sqlite_url: str) -> None:
    database = SqliteDatabase(sqlite_url)
    with unavailable():
        await database.check()
    async with database:
        await database.check()
    with unavailable():
        await database.check()


async def test_a_database_can_be_opened_again(sqlite_url: str, alice: str) -> None:
    database = SqliteDatabase(sqlite_url)
    todos, todo = SqliteTodoRepository(database), a_todo()
    async with database:
        await todos.add(alice, todo)
    async with database:
        assert await todos.get(alice, todo.id) == todo


async def test_a_missing_file_is_unavailable_until_it_is_created(
    tmp_path: Path, alice: str
) -> None:
    url = f"sqlite:///{tmp_path / 'todos.db'}"
    async with SqliteDatabase(url) as database:
        for _ in range(6):
            with unavailable():
                await database.check()
        assert files(tmp_path) == []
        await upgrade(database)
        await SqliteTodoRepository(database).add(alice, a_todo())
        await database.check()


async def test_a_file_without_a_schema_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "todos.db"
    path.touch()
    async with SqliteDatabase(f"sqlite:///{path}") as database:
        with unavailable():
            await database.check()


async def test_a_file_of_another_kind_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "todos.db"
    path.write_text("Shopping:\n- milk\n" * 100)
    async with SqliteDatabase(f"sqlite:///{path}") as database:
        with unavailable():
            await database.check()


async def test_a_broken_constraint_is_not_an_outage(sqlite_url: str, alice: str) -> None:
    async with open_todos(sqlite_url) as todos:
        with pytest.raises(sqlite3.IntegrityError):
            await todos.add(alice, replace(a_todo(), version=0))
        await todos.add(alice, a_todo())


async def test_the_settings_of_a_connection_protect_against_power_failures(path: Path) -> None:
    async with open_connections(path, seconds=2) as connections:
        assert await connections.run(settings) == ["wal", 2, 1, 2000]


async def test_a_write_waits_for_the_lock_of_another_process(
    sqlite_url: str, path: Path, alice: str
) -> None:
    async with open_todos(sqlite_url) as todos:
        with locked(path):
            adding = asyncio.create_task(todos.add(alice, a_todo()))
            await asyncio.sleep(0.1)
            assert not adding.done()
        await adding


async def test_a_long_lock_makes_writes_time_out_but_not_reads(
    sqlite_url: str, path: Path, alice: str
) -> None:
    todo = a_todo()
    async with open_todos(sqlite_url, connect_timeout=0.5, statement_timeout=0.5) as todos:
        await todos.add(alice, todo)
        with locked(path):
            with unavailable():
                await todos.save(alice, todo.change(now=NOW))
            assert await todos.get(alice, todo.id) == todo
            with unavailable():
                await todos.remove(alice, todo.id)
        await todos.save(alice, todo.change(now=NOW))


async def test_concurrent_writes_take_turns(sqlite_url: str, alice: str) -> None:
    async with open_todos(sqlite_url) as first, open_todos(sqlite_url) as second:
        await asyncio.gather(
            *(todos.add(alice, a_todo()) for todos in (first, second) for _ in range(25))
        )
        assert len((await first.list(alice, TodoQuery(limit=100))).items) == 50


async def test_work_that_takes_too_long_times_out(path: Path) -> None:
    async with open_connections(path, seconds=0.5) as connections:
        with unavailable():
            await connections.run(endless)
        assert await connections.run(settings)


async def test_slow_work_leaves_the_other_connections_free(path: Path) -> None:
    async with open_connections(path, size=2) as connections:
        slow = asyncio.create_task(connections.run(endless))
        await asyncio.sleep(0.05)
        await asyncio.wait_for(connections.run(settings), 1)
        slow.cancel()


async def test_waiting_for_a_connection_times_out(path: Path) -> None:
    connections = SqliteConnections(path, size=1, connect_timeout=0.5, statement_timeout=5)
    connections.open()
    slow = asyncio.create_task(connections.run(endless))
    await asyncio.sleep(0.05)
    with unavailable():
        await connections.run(settings)
    slow.cancel()
    assert await connections.run(settings)
    await connections.close()


async def test_cancelled_work_is_rolled_back(path: Path) -> None:
    async def half(connection: aiosqlite.Connection) -> None:
        await connection.execute("BEGIN IMMEDIATE")
        await connection.execute("CREATE TABLE half (done)")
        await connection.execute_fetchall(ENDLESS)

    async def tables(connection: aiosqlite.Connection) -> object:
        return list(
            await connection.execute_fetchall("SELECT * FROM sqlite_master WHERE name = 'half'")
        )

    async with open_connections(path) as connections:
        working = asyncio.create_task(connections.run(half))
        await asyncio.sleep(0.1)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        assert await connections.run(tables) == []
        with locked(path):
            pass


async def test_closing_waits_for_cancelled_work(path: Path) -> None:
    async with open_connections(path) as connections:
        working = asyncio.create_task(connections.run(endless))
        await asyncio.sleep(0.05)
        working.cancel()


async def test_cancelled_calls_leave_no_open_transaction(sqlite_url: str, alice: str) -> None:
    todo = a_todo()

    async def call(number: int, todos: SqliteTodoRepository) -> None:
        match number % 4:
            case 0:
                await todos.list(alice, TodoQuery(q="milk"))
            case 1:
                await todos.save(alice, todo.change(now=NOW))
            case _:
                await todos.add(alice, a_todo())

    for number in range(60):
        async with SqliteDatabase(sqlite_url, pool_size=2) as database:
            todos = SqliteTodoRepository(database)
            if number == 0:
                await todos.add(alice, todo)
            calls = [asyncio.create_task(call(number + i, todos)) for i in range(8)]
            await asyncio.sleep(number * 0.0001)
            for task in calls:
                task.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            await asyncio.gather(*(database.check() for _ in range(4)))
            await todos.add(alice, a_todo())
