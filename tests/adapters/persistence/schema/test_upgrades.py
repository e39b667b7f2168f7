"""Upgrades and downgrades of the schema, on both databases."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest

from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.adapters.persistence.schema import revisions
from backend.adapters.persistence.schema.upgrades import downgrade, upgrade
from backend.adapters.persistence.sqlite.database import SqliteDatabase
from backend.domain.idempotency import Idempotency
from backend.domain.todo_list import TodoQuery
from backend.domain.todo_repository import RepositoryUnavailableError
from tests.adapters.persistence.databases import (
    database_at,
    execute,
    is_current,
    open_todos,
    todos_in,
)
from tests.adapters.persistence.samples import LATER, a_todo
from tests.e2e.backend import NO_COVERAGE
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without a schema."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'todos.db'}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.create_database()


async def test_a_new_database_is_not_current_until_it_is_upgraded(url: str) -> None:
    assert await database_at(url).revision() is None
    assert not await is_current(url)
    await upgrade(database_at(url))
    assert await database_at(url).revision()
    assert await is_current(url)


async def test_upgrading_again_keeps_the_todos(url: str, alice: str) -> None:
    await upgrade(database_at(url))
    async with open_todos(url) as todos:
        await todos.add(alice, a_todo())
        await upgrade(database_at(url))
        assert len((await todos.list(alice, TodoQuery())).items) == 1


async def test_a_schema_can_be_removed_by_downgrades_and_created_again(
    url: str, alice: str
) -> None:
    await upgrade(database_at(url))
    async with database_at(url) as database:
        todos = todos_in(database)
        await todos.add(alice, a_todo())
        await downgrade(database, "base")
        assert await database.revision() is None
        with pytest.raises(RepositoryUnavailableError):
            await database.check()
        await upgrade(database_at(url))
        assert (await todos.list(alice, TodoQuery())).items == ()


async def test_every_single_downgrade_can_be_upgraded_again(url: str, alice: str) -> None:
    await upgrade(database_at(url))
    async with open_todos(url) as todos:
        await todos.add(alice, todo := a_todo())
    for _ in revisions.known_revisions()[1:]:
        await downgrade(database_at(url), "-1")
        assert not await is_current(url)
    await upgrade(database_at(url))
    async with open_todos(url) as todos:
        assert (await todos.list(alice, TodoQuery())).items == (todo,)


async def test_concurrent_upgrades_succeed(url: str) -> None:
    await asyncio.gather(*(upgrade(database_at(url)) for _ in range(8)))
    assert await is_current(url)


async def test_a_failed_upgrade_changes_nothing(url: str, postgres_server: PostgresServer) -> None:
    execute(postgres_server, url, "CREATE TABLE todos_by_title (in_the_way INTEGER)")
    with pytest.raises(RepositoryUnavailableError, match="todos_by_title"):
        await upgrade(database_at(url))
    assert await database_at(url).revision() is None
    execute(postgres_server, url, "DROP TABLE todos_by_title")
    await upgrade(database_at(url))
    assert await is_current(url)


async def test_a_later_schema_can_be_used_and_is_not_changed(
    url: str, postgres_server: PostgresServer
) -> None:
    await upgrade(database_at(url))
    execute(postgres_server, url, "UPDATE alembic_version SET version_num = 'later'")
    assert await is_current(url)
    await upgrade(database_at(url))
    assert await database_at(url).revision() == "later"


LATER_RELEASE = (
    "ALTER TABLE todos ADD COLUMN place TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE idempotency_keys ADD COLUMN place TEXT NOT NULL DEFAULT ''",
    "CREATE TABLE labels (user_id TEXT NOT NULL, label TEXT NOT NULL)",
    "UPDATE alembic_version SET version_num = 'later'",
)


async def test_this_release_serves_with_the_columns_and_tables_of_a_later_release(
    url: str, alice: str, postgres_server: PostgresServer
) -> None:
    await upgrade(database_at(url))
    async with database_at(url) as database:
        todos = todos_in(database)
        await todos.add(alice, stored_before := a_todo("before"))
        for statement in LATER_RELEASE:
            execute(postgres_server, url, statement)
        await database.check()
        key = Idempotency(key="repeated", fingerprint=bytes(32))
        stored = [await todos.add(alice, a_todo("new"), idempotency=key) for _ in range(2)]
        assert stored[0] == stored[1]
        changed = stored[0].change(now=LATER, title="changed")
        await todos.save(alice, changed)
        assert await todos.get(alice, changed.id) == changed
        assert (await todos.list(alice, TodoQuery(q="CHANGED"))).items == (changed,)
        await todos.remove(alice, changed.id)
        assert (await todos.list(alice, TodoQuery())).items == (stored_before,)


async def test_an_unknown_revision_is_refused(url: str) -> None:
    await upgrade(database_at(url))
    with pytest.raises(ValueError, match="nonsense"):
        await downgrade(database_at(url), "nonsense")
    assert await is_current(url)


async def test_reading_the_revision_creates_no_file(tmp_path: Path) -> None:
    assert not await is_current(f"sqlite:///{tmp_path / 'todos.db'}")
    assert await SqliteDatabase(f"sqlite:///{tmp_path / 'todos.db'}").revision() is None
    assert not (tmp_path / "todos.db").exists()


@pytest.mark.parametrize(
    "url", ["sqlite:////nowhere/todos.db", "postgresql://somebody@127.0.0.1:1/todos"]
)
async def test_an_unreachable_database_is_unavailable(url: str) -> None:
    with pytest.raises(RepositoryUnavailableError):
        await upgrade(database_at(url))


@pytest.mark.parametrize("url", ["", "sqlite://", "mysql://localhost/todos"])
def test_urls_of_other_databases_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        database_at(url)


async def test_options_in_the_url_reach_the_driver(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    await upgrade(PostgresDatabase(f"{url}?sslmode=disable"))
    assert await is_current(f"{url}?sslmode=prefer")
    with pytest.raises(RepositoryUnavailableError):
        await PostgresDatabase(f"{url}?sslmode=require").revision()


def test_every_migration_is_named_after_its_revision() -> None:
    from alembic.script import ScriptDirectory

    scripts = list(ScriptDirectory(str(revisions.VERSIONS.parent)).walk_revisions())
    names = [Path(script.path).name.partition("_")[0] for script in scripts]
    assert names == [script.revision for script in scripts] == sorted(names, reverse=True)
    assert not revisions.is_behind(names[0])
    assert all(revisions.is_behind(earlier) for earlier in (None, *names[1:]))


def test_serving_imports_neither_alembic_nor_sqlalchemy_nor_the_other_driver(
    postgres_url: str,
) -> None:
    program = """
import asyncio, sys
from backend.container.database import check_schema, choose_database, choose_todos
from backend.settings import Settings
database = choose_database(Settings(database_url=sys.argv[1]))
choose_todos(database)
asyncio.run(check_schema(database))
print(*sys.modules)
"""
    command = [sys.executable, "-c", program, postgres_url]
    environment = {**os.environ, **NO_COVERAGE}  # coverage imports sqlite3
    output = subprocess.check_output(command, cwd=ROOT, env=environment, text=True)
    imported = output.split()
    assert "asyncpg" in imported
    unneeded = {"aiosqlite", "alembic", "greenlet", "sqlalchemy", "sqlite3"}
    assert unneeded.isdisjoint(imported)


def test_only_the_owner_may_read_a_new_file(tmp_path: Path) -> None:
    asyncio.run(upgrade(SqliteDatabase(f"sqlite:///{tmp_path / 'todos.db'}")))
    assert {file.stat().st_mode & 0o077 for file in tmp_path.iterdir()} == {0}


async def test_recreating_the_schema_while_a_server_runs_is_a_short_outage(
    url: str, alice: str
) -> None:
    await upgrade(database_at(url))
    async with open_todos(url) as todos:
        await todos.list(alice, TodoQuery())
        await downgrade(database_at(url), "0001")
        await upgrade(database_at(url))
        with suppress(RepositoryUnavailableError):
            await todos.list(alice, TodoQuery())
        assert (await todos.list(alice, TodoQuery())).items == ()


# The text that an earlier release stored, and a search that finds the text.
SEARCH_TEXTS = {
    "re\u0301sume\u0301": "R\u00c9SUM\u00c9",
    "\u03b1\u03b9\u0308\u0301": "\u03b1\u0390",
    "tea": "TEA",
}


async def test_an_upgrade_normalises_the_search_text_of_earlier_releases(
    url: str, alice: str, postgres_server: PostgresServer
) -> None:
    await upgrade(database_at(url))
    stored = {q: a_todo(f"x{number}") for number, q in enumerate(SEARCH_TEXTS.values())}
    async with open_todos(url) as todos:
        for todo in stored.values():
            await todos.add(alice, todo)
    for number, text in enumerate(SEARCH_TEXTS):
        change = f"SET search_text = '{text}' WHERE title = 'x{number}'"
        execute(postgres_server, url, f"UPDATE todos {change}")
    async with open_todos(url) as todos:
        assert (await todos.list(alice, TodoQuery(q="R\u00c9SUM\u00c9"))).items == ()
    await downgrade(database_at(url), "0004")
    await upgrade(database_at(url))
    async with open_todos(url) as todos:
        for q, todo in stored.items():
            assert (await todos.list(alice, TodoQuery(q=q))).items == (todo,)


MANY_DECOMPOSED = """
INSERT INTO todos
    (id, search_text, user_id, title, completed, priority, created_at, updated_at, version)
WITH RECURSIVE numbers (number) AS
    (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 2500)
SELECT randomblob(16), 'e' || char(769),
    user_id, title, completed, priority, created_at, updated_at, version
FROM todos, numbers
"""


async def test_the_search_text_of_many_todos_is_normalised(tmp_path: Path, alice: str) -> None:
    url = f"sqlite:///{tmp_path / 'todos.db'}"
    await upgrade(database_at(url))
    async with open_todos(url) as todos:
        await todos.add(alice, a_todo())
    await downgrade(database_at(url), "0004")
    path = url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(MANY_DECOMPOSED)
        connection.commit()
    await upgrade(database_at(url))
    with closing(sqlite3.connect(path)) as connection:
        counts = dict(connection.execute("SELECT search_text, count(*) FROM todos GROUP BY 1"))
    assert counts == {"buy milk\n": 1, "\u00e9": 2500}
