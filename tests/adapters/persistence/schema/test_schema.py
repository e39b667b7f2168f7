"""Migrations, on both databases: up, down, many at once, and what the schema itself refuses."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest

from backend.adapters.persistence import schema
from backend.adapters.persistence.postgres.repository import PostgresTodoRepository
from backend.adapters.persistence.schema import revisions
from backend.adapters.persistence.sqlite.repository import SqliteTodoRepository
from backend.domain.todo_list import TodoQuery
from backend.domain.todo_repository import RepositoryUnavailableError
from tests.adapters.persistence.samples import a_todo, a_user
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that nobody has migrated yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'todos.db'}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.create_database()


def repository(url: str) -> SqliteTodoRepository | PostgresTodoRepository:
    return SqliteTodoRepository(url) if url.startswith("sqlite:") else PostgresTodoRepository(url)


def execute(server: PostgresServer, url: str, statement: str) -> None:
    """Run a statement as an operator would."""
    if url.startswith("sqlite:"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.execute(statement)
            connection.commit()
    else:
        server.execute(statement, url)


async def test_a_new_database_is_not_current_until_it_is_upgraded(url: str) -> None:
    assert await schema.current(url) is None
    assert not await schema.is_current(url)
    await schema.upgrade(url)
    assert await schema.current(url)
    assert await schema.is_current(url)


async def test_upgrading_again_keeps_what_is_there(url: str, alice: str) -> None:
    await schema.upgrade(url)
    async with repository(url) as todos:
        await todos.add(alice, a_todo())
        await schema.upgrade(url)
        assert len((await todos.list(alice, TodoQuery())).items) == 1


async def test_the_way_up_leads_down_and_up_again(url: str, alice: str) -> None:
    await schema.upgrade(url)
    async with repository(url) as todos:
        await todos.add(alice, a_todo())
        await schema.downgrade(url, "base")
        assert await schema.current(url) is None
        with pytest.raises(RepositoryUnavailableError):
            await todos.check()
        await schema.upgrade(url)
        assert (await todos.list(alice, TodoQuery())).items == ()


async def test_every_step_down_can_be_taken_again(url: str, alice: str) -> None:
    await schema.upgrade(url)
    async with repository(url) as todos:
        await todos.add(alice, todo := a_todo())
    for _ in list(revisions.VERSIONS.glob("[0-9]*.py"))[1:]:
        await schema.downgrade(url, "-1")
        assert not await schema.is_current(url)
    await schema.upgrade(url)
    async with repository(url) as todos:
        assert (await todos.list(alice, TodoQuery())).items == (todo,)


async def test_many_may_upgrade_at_once(url: str) -> None:
    await asyncio.gather(*(schema.upgrade(url) for _ in range(8)))
    assert await schema.is_current(url)


async def test_a_failed_upgrade_leaves_nothing_behind(
    url: str, postgres_server: PostgresServer
) -> None:
    execute(postgres_server, url, "CREATE TABLE todos_by_title (in_the_way INTEGER)")
    with pytest.raises(RepositoryUnavailableError, match="todos_by_title"):
        await schema.upgrade(url)
    assert await schema.current(url) is None
    execute(postgres_server, url, "DROP TABLE todos_by_title")
    await schema.upgrade(url)
    assert await schema.is_current(url)


async def test_a_later_schema_is_served_from_and_left_alone(
    url: str, postgres_server: PostgresServer
) -> None:
    await schema.upgrade(url)
    execute(postgres_server, url, "UPDATE alembic_version SET version_num = 'later'")
    assert await schema.is_current(url)
    await schema.upgrade(url)
    assert await schema.current(url) == "later"


async def test_a_revision_that_does_not_exist_is_refused(url: str) -> None:
    await schema.upgrade(url)
    with pytest.raises(ValueError, match="nonsense"):
        await schema.downgrade(url, "nonsense")
    assert await schema.is_current(url)


@pytest.mark.parametrize("database", ["sqlite_url", "postgres_url"])
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE todos SET user_id = ''",
        "UPDATE todos SET user_id = NULL",
        "UPDATE todos SET id = NULL",
        "UPDATE todos SET title = ''",
        "UPDATE todos SET title = '   '",
        "UPDATE todos SET title = NULL",
        "UPDATE todos SET title = 'long'".replace("long", "x" * 201),
        "UPDATE todos SET description = 'long'".replace("long", "x" * 10_001),
        "UPDATE todos SET completed = NULL",
        "UPDATE todos SET completed = 2",
        "UPDATE todos SET priority = -1",
        "UPDATE todos SET priority = 3",
        "UPDATE todos SET created_at = NULL",
        "UPDATE todos SET updated_at = NULL",
        "UPDATE todos SET version = 0",
        "UPDATE todos SET search_text = NULL",
    ],
)
def test_the_schema_refuses_what_the_domain_refuses(
    request: pytest.FixtureRequest, postgres_server: PostgresServer, database: str, change: str
) -> None:
    url: str = request.getfixturevalue(database)

    async def add() -> None:
        async with repository(url) as todos:
            await todos.add(a_user(), a_todo())

    asyncio.run(add())
    with pytest.raises((sqlite3.IntegrityError, RuntimeError), match=r"constraint|of type boolean"):
        execute(postgres_server, url, change)


async def test_asking_makes_no_file(tmp_path: Path) -> None:
    assert not await schema.is_current(f"sqlite:///{tmp_path / 'todos.db'}")
    assert await schema.current(f"sqlite:///{tmp_path / 'todos.db'}") is None
    assert not (tmp_path / "todos.db").exists()


@pytest.mark.parametrize(
    "url", ["sqlite:////nowhere/todos.db", "postgresql://somebody@127.0.0.1:1/todos"]
)
async def test_a_database_out_of_reach_is_unavailable(url: str) -> None:
    with pytest.raises(RepositoryUnavailableError):
        await schema.upgrade(url)


@pytest.mark.parametrize("url", ["", "sqlite://", "mysql://localhost/todos"])
async def test_urls_of_no_database_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        await schema.is_current(url)


def test_postgres_compares_text_by_code_point_whatever_the_servers_language(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    others = postgres_server.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'todos'::regclass"
        " AND atttypid = 'text'::regtype AND attcollation <> '\"C\"'::regcollation",
        postgres_url,
    )
    assert not others


async def test_options_in_the_url_reach_the_driver(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    await schema.upgrade(f"{url}?sslmode=disable")
    assert await schema.is_current(f"{url}?sslmode=prefer")
    with pytest.raises(RepositoryUnavailableError):
        await schema.current(f"{url}?sslmode=require")


def test_every_migration_is_named_after_its_revision() -> None:
    from alembic.script import ScriptDirectory

    scripts = list(ScriptDirectory(str(revisions.VERSIONS.parent)).walk_revisions())
    names = [Path(script.path).name.partition("_")[0] for script in scripts]
    assert names == [script.revision for script in scripts] == sorted(names, reverse=True)
    assert not revisions.is_behind(names[0])
    assert all(revisions.is_behind(earlier) for earlier in (None, *names[1:]))


def test_serving_imports_nothing_that_only_migrating_needs(postgres_url: str) -> None:
    program = """
import asyncio, sys
from backend.adapters.persistence import memory, schema
from backend.adapters.persistence.postgres import repository as postgres
from backend.adapters.persistence.sqlite import repository as sqlite
assert asyncio.run(schema.is_current(sys.argv[1]))
print(*sys.modules)
"""
    command = [sys.executable, "-c", program, postgres_url]
    imported = subprocess.check_output(command, cwd=ROOT, text=True).split()
    assert "asyncpg" in imported
    assert not {"alembic", "greenlet", "sqlalchemy"}.intersection(imported)


def test_only_its_owner_may_read_a_new_file(tmp_path: Path) -> None:
    asyncio.run(schema.upgrade(f"sqlite:///{tmp_path / 'todos.db'}"))
    assert {file.stat().st_mode & 0o077 for file in tmp_path.iterdir()} == {0}


async def test_a_schema_made_anew_under_a_running_server_is_an_outage_that_ends(
    url: str, alice: str
) -> None:
    await schema.upgrade(url)
    async with repository(url) as todos:
        await todos.list(alice, TodoQuery())
        await schema.downgrade(url, "0001")
        await schema.upgrade(url)
        with suppress(RepositoryUnavailableError):
            await todos.list(alice, TodoQuery())
        assert (await todos.list(alice, TodoQuery())).items == ()
