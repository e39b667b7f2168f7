"""The commands of docs/backup.md make backups and restore them."""

import asyncio
import secrets
import stat
import threading
from pathlib import Path
from typing import Final

import pytest

from backend.adapters.persistence.schema.upgrades import upgrade
from backend.domain.todo import Todo
from backend.domain.todo_list import TodoQuery
from tests.adapters.persistence.databases import database_at, open_todos, todos_in
from tests.adapters.persistence.samples import a_todo
from tests.documents import fenced_blocks
from tests.operations.conftest import Installation, path_with, run_block

PAGE: Final = Path("docs/backup.md")
USERS: Final = ("ada", "bob")


async def fill(url: str) -> None:
    async with open_todos(url) as todos:
        for user in USERS:
            await todos.add(user, a_todo(f"of {user}"))


async def content(url: str) -> tuple[dict[str, tuple[Todo, ...]], bytes]:
    """Return the todos of all users, and the key of the cursors."""
    async with database_at(url) as database:
        todos = todos_in(database)
        lists = {user: (await todos.list(user, TodoQuery())).items for user in USERS}
        return lists, await database.cursor_key()


def test_a_dump_has_the_todos_of_all_users(installation: Installation, tmp_path: Path) -> None:
    server, restored = installation.server, f"todos_{secrets.token_hex(8)}"
    (statement,) = [block.text for block in fenced_blocks(PAGE) if block.language == "sql"]
    backup_role = f"todos_backup_{secrets.token_hex(4)}"
    database = installation.owner_url.rpartition("/")[2]
    statement = statement.replace("todos_backup", backup_role)
    # As deploy/roles.sh does: only roles with this privilege may connect.
    installation.execute(
        f"REVOKE CONNECT ON DATABASE {database} FROM PUBLIC;"
        f" GRANT CONNECT ON DATABASE {database} TO todos_app;"
    )
    installation.execute(statement.replace("DATABASE todos ", f"DATABASE {database} "))
    asyncio.run(fill(installation.url))

    replace = {
        f"postgresql://{name}:…@db.example.com/{shown}": server.url_for(role, f"/{actual}")
        for name, role, shown, actual in (
            ("postgres", "postgres", "postgres", "postgres"),
            ("todos_owner", "todos_owner", "todos_restored", restored),
            ("todos_app", installation.role, "todos_restored", restored),
            ("todos_backup", backup_role, "todos", database),
        )
    }
    replace["todos_restored"] = restored
    path = path_with(server)
    run_block(PAGE, "pg_dump", tmp_path, replace, PATH=path)
    run_block(PAGE, "createdb", tmp_path, replace, PATH=path)

    url = server.url_for(installation.role, f"/{restored}")
    before, after = asyncio.run(content(installation.url)), asyncio.run(content(url))
    assert after == before
    assert all(len(todos) == 1 for todos in after[0].values())
    assert asyncio.run(database_at(url).row_level_security())


def test_the_owner_cannot_dump_and_leaves_no_row_out(
    installation: Installation, tmp_path: Path
) -> None:
    shown = "postgresql://todos_backup:…@db.example.com/todos"
    replace = {shown: installation.owner_url}
    path = path_with(installation.server)
    with pytest.raises(AssertionError, match="would be affected by row-level security policy"):
        run_block(PAGE, "pg_dump", tmp_path, replace, PATH=path)


def test_an_sqlite_file_is_backed_up_while_the_api_writes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'todos.db'}"
    asyncio.run(upgrade(database_at(url)))
    asyncio.run(fill(url))
    ended = threading.Event()

    async def write() -> None:
        async with open_todos(url) as todos:
            while not ended.is_set():
                await todos.add("writer", a_todo())

    writer = threading.Thread(target=asyncio.run, args=(write(),))
    writer.start()
    try:
        run_block(PAGE, "umask", tmp_path, {})
    finally:
        ended.set()
        writer.join()
    before = asyncio.run(content(url))
    mode = (tmp_path / "backup.db").stat().st_mode
    assert stat.S_IMODE(mode) & 0o077 == 0

    asyncio.run(fill(url))  # lost with the restore
    run_block(PAGE, "rm -f", tmp_path, {}, DATABASE_URL="sqlite:///todos.db")
    assert asyncio.run(content(url)) == before
