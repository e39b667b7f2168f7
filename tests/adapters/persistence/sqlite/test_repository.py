"""What is particular to SQLite: one file, its locks, and threads that cannot be stopped."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import aiosqlite
import pytest

from backend.adapters.persistence import schema
from backend.adapters.persistence.sqlite.connections import SqliteConnections
from backend.adapters.persistence.sqlite.repository import SqliteTodoRepository
from backend.domain.todo_list import TodoQuery
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
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        if not thread.name.startswith("asyncio_"):  # the event loop's own
            thread.join(1)
            assert not thread.is_alive()


@asynccontextmanager
async def opened(
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
    """Let nobody else write."""
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
def test_urls_of_no_file_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///"):
        SqliteTodoRepository(url)


@pytest.mark.parametrize("name", ["todos.db", "with space.db", "100%25.db", "a#b.db", "tö'dos.db"])
async def test_a_file_may_have_any_name_and_be_named_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alice: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///{name}"
    await schema.upgrade(url)
    assert (tmp_path / name).exists()
    todos = SqliteTodoRepository(url)
    monkeypatch.chdir("/")
    async with todos:
        await todos.add(alice, a_todo())
        assert len((await todos.list(alice, TodoQuery())).items) == 1


async def test_a_repository_that_is_not_open_is_unavailable(sqlite_url: str) -> None:
    todos = SqliteTodoRepository(sqlite_url)
    with unavailable():
        await todos.check()
    async with todos:
        await todos.check()
    with unavailable():
        await todos.check()


async def test_a_repository_can_be_opened_again(sqlite_url: str, alice: str) -> None:
    todos = SqliteTodoRepository(sqlite_url)
    todo = a_todo()
    async with todos:
        await todos.add(alice, todo)
    async with todos:
        assert await todos.get(alice, todo.id) == todo


async def test_a_missing_file_is_unavailable_until_it_is_there(tmp_path: Path, alice: str) -> None:
    url = f"sqlite:///{tmp_path / 'todos.db'}"
    async with SqliteTodoRepository(url) as todos:
        for _ in range(6):
            with unavailable():
                await todos.check()
        assert files(tmp_path) == []
        await schema.upgrade(url)
        await todos.add(alice, a_todo())
        await todos.check()


async def test_a_file_without_a_schema_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "todos.db"
    path.touch()
    async with SqliteTodoRepository(f"sqlite:///{path}") as todos:
        with unavailable():
            await todos.check()


async def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "todos.db"
    path.write_text("Shopping:\n- milk\n" * 100)
    async with SqliteTodoRepository(f"sqlite:///{path}") as todos:
        with unavailable():
            await todos.check()


async def test_a_rule_of_the_schema_that_is_broken_is_not_an_outage(
    sqlite_url: str, alice: str
) -> None:
    async with SqliteTodoRepository(sqlite_url) as todos:
        with pytest.raises(sqlite3.IntegrityError):
            await todos.add(alice, replace(a_todo(), version=0))
        await todos.add(alice, a_todo())


async def test_what_is_written_survives_a_power_cut(path: Path) -> None:
    async with opened(path, seconds=2) as connections:
        assert await connections.run(settings) == ["wal", 2, 1, 2000]


async def test_a_write_waits_for_that_of_another_process(
    sqlite_url: str, path: Path, alice: str
) -> None:
    async with SqliteTodoRepository(sqlite_url) as todos:
        with locked(path):
            adding = asyncio.create_task(todos.add(alice, a_todo()))
            await asyncio.sleep(0.1)
            assert not adding.done()
        await adding


async def test_a_lock_that_lasts_stops_writes_for_a_while_and_reads_not_at_all(
    sqlite_url: str, path: Path, alice: str
) -> None:
    todo = a_todo()
    async with SqliteTodoRepository(
        sqlite_url, connect_timeout=0.5, statement_timeout=0.5
    ) as todos:
        await todos.add(alice, todo)
        with locked(path):
            with unavailable():
                await todos.save(alice, todo.change(now=NOW))
            assert await todos.get(alice, todo.id) == todo
            with unavailable():
                await todos.remove(alice, todo.id)
        await todos.save(alice, todo.change(now=NOW))


async def test_many_writes_at_once_take_their_turn(sqlite_url: str, alice: str) -> None:
    async with SqliteTodoRepository(sqlite_url) as one, SqliteTodoRepository(sqlite_url) as other:
        await asyncio.gather(
            *(todos.add(alice, a_todo()) for todos in (one, other) for _ in range(25))
        )
        assert len((await one.list(alice, TodoQuery(limit=100))).items) == 50


async def test_work_that_takes_too_long_is_stopped(path: Path) -> None:
    async with opened(path, seconds=0.5) as connections:
        with unavailable():
            await connections.run(endless)
        assert await connections.run(settings)


async def test_slow_work_leaves_the_other_connections_free(path: Path) -> None:
    async with opened(path, size=2) as connections:
        slow = asyncio.create_task(connections.run(endless))
        await asyncio.sleep(0.05)
        await asyncio.wait_for(connections.run(settings), 1)
        slow.cancel()


async def test_waiting_for_a_connection_has_an_end(path: Path) -> None:
    connections = SqliteConnections(path, size=1, connect_timeout=0.5, statement_timeout=5)
    connections.open()
    slow = asyncio.create_task(connections.run(endless))
    await asyncio.sleep(0.05)
    with unavailable():
        await connections.run(settings)
    slow.cancel()
    assert await connections.run(settings)
    await connections.close()


async def test_work_that_is_cancelled_is_stopped_and_undone(path: Path) -> None:
    async def half(connection: aiosqlite.Connection) -> None:
        await connection.execute("BEGIN IMMEDIATE")
        await connection.execute("CREATE TABLE half (done)")
        await connection.execute_fetchall(ENDLESS)

    async def tables(connection: aiosqlite.Connection) -> object:
        return list(
            await connection.execute_fetchall("SELECT * FROM sqlite_master WHERE name = 'half'")
        )

    async with opened(path) as connections:
        working = asyncio.create_task(connections.run(half))
        await asyncio.sleep(0.1)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        assert await connections.run(tables) == []
        with locked(path):
            pass


async def test_closing_waits_for_work_that_was_given_up(path: Path) -> None:
    async with opened(path) as connections:
        working = asyncio.create_task(connections.run(endless))
        await asyncio.sleep(0.05)
        working.cancel()


async def test_calls_that_are_cancelled_leave_nothing_behind(sqlite_url: str, alice: str) -> None:
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
        async with SqliteTodoRepository(sqlite_url, pool_size=2) as todos:
            if number == 0:
                await todos.add(alice, todo)
            calls = [asyncio.create_task(call(number + i, todos)) for i in range(8)]
            await asyncio.sleep(number * 0.0001)
            for one in calls:
                one.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            await asyncio.gather(*(todos.check() for _ in range(4)))
            await todos.add(alice, a_todo())
