"""Databases and repositories by URL, and how an operator looks at a database."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Any

from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.adapters.persistence.postgres.repository import PostgresTodoRepository
from backend.adapters.persistence.schema.revisions import is_behind
from backend.adapters.persistence.sqlite.database import SqliteDatabase
from backend.adapters.persistence.sqlite.repository import SqliteTodoRepository
from tests.postgres import PostgresServer

Todos = PostgresTodoRepository | SqliteTodoRepository


def database_at(url: str, **options: Any) -> PostgresDatabase | SqliteDatabase:
    """Return the database of a URL, not open yet."""
    if url.startswith("sqlite:"):
        return SqliteDatabase(url, **options)
    return PostgresDatabase(url, **options)


def todos_in(database: PostgresDatabase | SqliteDatabase) -> Todos:
    """Return the repository of a database."""
    if isinstance(database, SqliteDatabase):
        return SqliteTodoRepository(database)
    return PostgresTodoRepository(database)


@asynccontextmanager
async def open_todos(url: str, **options: Any) -> AsyncIterator[Todos]:
    """Open the database of a URL, and yield its repository."""
    async with database_at(url, **options) as database:
        yield todos_in(database)


async def is_current(url: str) -> bool:
    """Return whether this program can use the schema of a database."""
    return not is_behind(await database_at(url).revision())


def execute(server: PostgresServer, url: str, statement: str) -> None:
    """Run a statement on a database as an operator would."""
    if url.startswith("sqlite:"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.execute(statement)
            connection.commit()
    else:
        server.execute(statement, url)
