"""`SqliteDatabase` and its repository: the file, its locks, and concurrent calls."""

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from backend.adapters.persistence.schema.upgrades import upgrade
from backend.adapters.persistence.sqlite.database import SqliteDatabase
from backend.adapters.persistence.sqlite.repository import SqliteTodoRepository
from backend.domain.todo_list import TodoQuery
from tests.adapters.persistence.databases import open_todos
from tests.adapters.persistence.outages import unavailable
from tests.adapters.persistence.samples import NOW, a_todo
from tests.adapters.persistence.sqlite.locks import locked

pytestmark = pytest.mark.anyio


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


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
