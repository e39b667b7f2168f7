"""Databases with a schema, and a repository of each kind."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from backend.adapters.persistence import schema
from backend.adapters.persistence.memory import InMemoryTodoRepository
from backend.adapters.persistence.postgres.repository import PostgresTodoRepository
from backend.adapters.persistence.sqlite.repository import SqliteTodoRepository
from backend.domain.todo_repository import TodoRepository
from tests.adapters.persistence.samples import a_user
from tests.adapters.persistence.scaling import statements_of
from tests.postgres import PostgresServer


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    url = postgres_server.create_database()
    asyncio.run(schema.upgrade(url))
    return url


@pytest.fixture(scope="session")
def restricted_url(postgres_server: PostgresServer, postgres_url: str) -> str:
    """The same database, for a role that may do no more than the application has to."""
    password = urlsplit(postgres_url).password
    statements = statements_of("Roles").replace("'…'", f"'{password}'")
    postgres_server.execute(f"{statements}{statements_of('PgBouncer')}", postgres_url)
    return postgres_server.url_for("todos_app", postgres_url)


@pytest.fixture(scope="session")
def partitioned_url(postgres_server: PostgresServer, restricted_url: str) -> str:
    """A database whose todos are partitioned by user, for the restricted role as well."""
    url = postgres_server.create_database()
    asyncio.run(schema.upgrade(url))
    asyncio.run(_execute(url, statements_of("Hash partitions")))
    return url


async def _execute(url: str, statements: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statements)
    await connection.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database to copy, never to open."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(schema.upgrade(f"sqlite:///{path}"))
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'todos.db')}"


@pytest.fixture(scope="module", params=["memory", "sqlite", "postgres", "partitioned"])
def adapter(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AbstractAsyncContextManager[TodoRepository]:
    match request.param:
        case "sqlite":
            path = tmp_path_factory.mktemp("contract") / "todos.db"
            shutil.copy(request.getfixturevalue("sqlite_template"), path)
            return SqliteTodoRepository(f"sqlite:///{path}")
        case "postgres":
            return PostgresTodoRepository(request.getfixturevalue("restricted_url"))
        case "partitioned":
            return PostgresTodoRepository(request.getfixturevalue("partitioned_url"))
        case _:
            return InMemoryTodoRepository()


@pytest.fixture(scope="module")
async def todos(
    adapter: AbstractAsyncContextManager[TodoRepository],
) -> AsyncIterator[TodoRepository]:
    """A repository that all tests of a module share: no two of them speak of the same user."""
    async with adapter as repository:
        yield repository


@pytest.fixture
def alice() -> str:
    return a_user()


@pytest.fixture
def bob() -> str:
    return a_user()
