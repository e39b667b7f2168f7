"""The file of an SQLite database: deleted, replaced, or at a path that cannot be used."""

import asyncio
import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.adapters.persistence.schema.diagnosis import diagnose_database
from backend.adapters.persistence.schema.upgrades import upgrade
from backend.adapters.persistence.sqlite.database import SqliteDatabase
from backend.adapters.persistence.sqlite.file import _VERIFY_INTERVAL
from backend.adapters.persistence.sqlite.repository import SqliteTodoRepository
from backend.domain.idempotency import Idempotency
from backend.domain.todo_list import TodoQuery
from backend.domain.todo_repository import RepositoryUnavailableError
from tests.adapters.persistence.outages import unavailable
from tests.adapters.persistence.samples import NOW, a_todo

pytestmark = pytest.mark.anyio

KEY = Idempotency(key="key", fingerprint=b"milk")


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def remove(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


def replace(path: Path, template: Path) -> None:
    remove(path)
    shutil.copy(template, path)


async def test_no_change_succeeds_after_the_file_was_deleted(
    sqlite_url: str, path: Path, alice: str
) -> None:
    async with SqliteDatabase(sqlite_url) as database:
        todos, todo = SqliteTodoRepository(database), a_todo()
        await todos.add(alice, todo)
        await database.check()
        remove(path)
        for change in (
            todos.add(alice, a_todo()),
            todos.add(alice, a_todo(), idempotency=KEY),
            todos.save(alice, todo.change(now=NOW)),
            todos.remove(alice, todo.id),
        ):
            with unavailable():
                await change
        with unavailable():
            await database.check()
    assert files(path.parent) == []


@pytest.mark.parametrize("with_key", [False, True])
async def test_a_file_that_is_deleted_during_a_change_fails_the_change(
    sqlite_url: str, path: Path, alice: str, with_key: bool
) -> None:
    async with SqliteDatabase(sqlite_url) as database:
        todos = SqliteTodoRepository(database)
        await todos.add(alice, a_todo())
        with contextlib.closing(sqlite3.connect(path)) as other:
            other.execute("BEGIN IMMEDIATE")  # so that the change must wait
            adding = asyncio.create_task(
                todos.add(alice, a_todo(), idempotency=KEY if with_key else None)
            )
            await asyncio.sleep(0.1)
            remove(path)
        with unavailable():
            await adding


async def test_a_replaced_file_is_opened_again(
    sqlite_url: str, path: Path, sqlite_template: Path, alice: str
) -> None:
    async with SqliteDatabase(sqlite_url) as database:
        todos, old, new = SqliteTodoRepository(database), a_todo("old"), a_todo("new")
        await todos.add(alice, old)
        await asyncio.gather(*(todos.list(alice, TodoQuery()) for _ in range(8)))
        replace(path, sqlite_template)
        await asyncio.sleep(_VERIFY_INTERVAL)
        with unavailable():
            await database.check()
        await database.check()
        for _ in range(2):  # the first change may still meet the old file
            try:
                await todos.add(alice, new)
                break
            except RepositoryUnavailableError:
                pass
        for _ in range(4):
            assert (await todos.list(alice, TodoQuery())).items == (new,)
    async with SqliteDatabase(sqlite_url) as database:
        assert (await SqliteTodoRepository(database).list(alice, TodoQuery())).items == (new,)


async def test_reads_do_not_return_todos_of_a_file_that_is_gone(
    sqlite_url: str, path: Path, alice: str
) -> None:
    async with SqliteDatabase(sqlite_url) as database:
        todos = SqliteTodoRepository(database)
        await todos.add(alice, a_todo())
        await todos.list(alice, TodoQuery())
        remove(path)
        await asyncio.sleep(_VERIFY_INTERVAL)
        for _ in range(3):
            with unavailable():
                await todos.list(alice, TodoQuery())
        await upgrade(SqliteDatabase(sqlite_url))
        assert (await todos.list(alice, TodoQuery())).items == ()


async def test_readiness_fails_without_a_column(sqlite_url: str, path: Path) -> None:
    async with SqliteDatabase(sqlite_url) as database:
        await database.check()
        with sqlite3.connect(path) as connection:
            connection.execute("ALTER TABLE todos RENAME COLUMN search_text TO q")
        connection.close()
        with unavailable():
            await database.check()


Prepare = Callable[[Path], object]


def a_text(path: Path) -> None:
    path.write_text("Shopping:\n- milk\n" * 100)


@pytest.mark.parametrize("command", ["diagnose", "upgrade"])
@pytest.mark.parametrize(
    ("prepare", "problem", "remedy"),
    [
        (lambda path: path.mkdir(), "is a folder, not a file", "Docker"),
        (lambda path: path.parent.rmdir(), "does not exist", "Create the folder"),
        (a_text, "file is not a database", "not an SQLite database"),
    ],
)
async def test_every_unusable_path_has_its_own_remedy(
    tmp_path: Path, prepare: Prepare, problem: str, remedy: str, command: str
) -> None:
    path = tmp_path / "folder" / "todos.db"
    path.parent.mkdir()
    prepare(path)
    database = SqliteDatabase(f"sqlite:///{path}")
    if command == "upgrade":
        with pytest.raises(RepositoryUnavailableError, match=problem):
            await upgrade(database)
    (found, _) = await diagnose_database(database)
    assert problem in str(found.problem)
    assert remedy in str(found.remedy)
    assert "Start the database" not in str(found)


@pytest.mark.parametrize(
    ("read_only", "problem"),
    [("todos.db", "todos.db is read-only for this user"), (".", "is read-only for this user")],
)
async def test_a_read_only_file_or_folder_has_its_own_remedy(
    sqlite_url: str, path: Path, monkeypatch: pytest.MonkeyPatch, read_only: str, problem: str
) -> None:
    protected, access = (path.parent / read_only).resolve(), os.access

    def as_another_user(name: Path, mode: int) -> bool:
        return access(name, mode) and not (Path(name) == protected and mode & os.W_OK)

    monkeypatch.setattr(os, "access", as_another_user)  # tests may run as root
    async with SqliteDatabase(sqlite_url) as database:
        with unavailable():
            await database.check()
    (found, _) = await diagnose_database(SqliteDatabase(sqlite_url))
    assert problem in str(found.problem)
    assert "chown" in str(found.remedy) or "write to the folder" in str(found.remedy)
