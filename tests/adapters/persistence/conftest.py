"""Databases with a schema, and a repository on each of them."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from backend.adapters.persistence.memory import InMemoryDatabase
from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.adapters.persistence.schema.upgrades import upgrade
from backend.adapters.persistence.sqlite.database import SqliteDatabase
from backend.container.database import choose_todos
from backend.domain.todo_repository import TodoRepository
from tests.adapters.persistence.samples import a_user
from tests.adapters.persistence.scaling import statements_of
from tests.postgres import PostgresServer


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    url = postgres_server.create_database()
    asyncio.run(upgrade(PostgresDatabase(url)))
    return url


@pytest.fixture(scope="session")
def restricted_url(postgres_server: PostgresServer, postgres_url: str) -> str:
    """The same database, for a role with only the privileges that a server needs."""
    password = urlsplit(postgres_url).password
    statements = statements_of("Roles").replace("'…'", f"'{password}'")
    postgres_server.execute(f"{statements}{statements_of('PgBouncer')}", postgres_url)
    return postgres_server.url_for("todos_app", postgres_url)


@pytest.fixture(scope="session")
def partitioned_url(postgres_server: PostgresServer, restricted_url: str) -> str:
    """A database with todos partitioned by user, which the restricted role may use too."""
    url = postgres_server.create_database()
    asyncio.run(upgrade(PostgresDatabase(url)))
    asyncio.run(_execute(url, statements_of("Hash partitions")))
    return url


async def _execute(url: str, statements: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statements)
    await connection.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file, to copy and never to open."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(upgrade(SqliteDatabase(f"sqlite:///{path}")))
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'todos.db')}"


Database = InMemoryDatabase | SqliteDatabase | PostgresDatabase


@pytest.fixture(scope="module", params=["memory", "sqlite", "postgres", "partitioned"])
def closed_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Database:
    """A database of each kind."""
    match request.param:
        case "sqlite":
            path = tmp_path_factory.mktemp("contract") / "todos.db"
            shutil.copy(request.getfixturevalue("sqlite_template"), path)
            return SqliteDatabase(f"sqlite:///{path}")
        case "postgres":
            return PostgresDatabase(request.getfixturevalue("restricted_url"))
        case "partitioned":
            return PostgresDatabase(request.getfixturevalue("partitioned_url"))
        case _:
            return InMemoryDatabase()


@pytest.fixture(scope="module")
async def database(closed_database: Database) -> AsyncIterator[Database]:
    """The same database, open."""
    async with closed_database:
        yield closed_database


@pytest.fixture(scope="module")
def todos(database: Database) -> TodoRepository:
    """A repository that all tests of a module share: no two of them use the same user."""
    return choose_todos(database)


@pytest.fixture
def alice() -> str:
    return a_user()


@pytest.fixture
def bob() -> str:
    return a_user()
