"""Databases with a schema and many todos in them: PostgreSQL as packaged, fsync on, and a file."""

import asyncio
import contextlib
import sqlite3
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from backend.adapters.persistence import schema
from backend.adapters.persistence.postgres import rows as postgres_rows
from backend.adapters.persistence.sqlite import rows as sqlite_rows
from backend.domain.todo import Todo
from benchmarks.harness.tokens import user_claims
from tests.postgres import PostgresServer

ROLE = "benchmarks"
_START = datetime(2026, 1, 1, tzinfo=UTC)
_COLUMNS = "user_id id title description completed priority due_at created_at updated_at version"
_NAMES = (*_COLUMNS.split(), "search_text")


@contextlib.contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Start a PostgreSQL that loses nothing, with a role that policies hold for."""
    with PostgresServer() as server:
        server.stop()
        server.start(durable=True)
        server.create_role(ROLE)
        yield server


def postgres_database(server: PostgresServer, *, users: int, each: int) -> tuple[str, str]:
    """Make a database, and return the URLs of its owner and of the role that serves."""
    url = server.create_database()
    asyncio.run(schema.upgrade(url))
    asyncio.run(_fill_postgres(url, users, each))
    grant(server, url)
    return url, server.url_for(ROLE, url)


def grant(server: PostgresServer, url: str) -> None:
    server.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {ROLE}", url)


@contextlib.contextmanager
def sqlite_database(*, users: int, each: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "todos.db"
        url = f"sqlite:///{path}"
        asyncio.run(schema.upgrade(url))
        with contextlib.closing(sqlite3.connect(path)) as connection:
            marks = ", ".join(f":{name}" for name in _NAMES)
            connection.executemany(
                f"INSERT INTO todos ({', '.join(_NAMES)}) VALUES ({marks})",
                (sqlite_rows.to_values(user, todo) for user, todo in _todos(users, each)),
            )
            connection.commit()
            connection.execute("ANALYZE")
        yield url


async def _fill_postgres(url: str, users: int, each: int) -> None:
    connection = await asyncpg.connect(url)
    rows = [postgres_rows.to_values(user, todo) for user, todo in _todos(users, each)]
    await connection.execute("ALTER TABLE todos DISABLE ROW LEVEL SECURITY")
    await connection.copy_records_to_table("todos", records=rows, columns=_NAMES)
    await connection.execute("ALTER TABLE todos ENABLE ROW LEVEL SECURITY")
    await connection.execute("VACUUM ANALYZE todos")
    await connection.close()


def _todos(users: int, each: int) -> Iterator[tuple[str, Todo]]:
    for number in range(users):
        user_id = user_claims(number)["sub"]
        for place in range(each):
            yield (
                user_id,
                Todo.create(
                    now=_START + timedelta(minutes=place),
                    title=f"Water the plants of room {place}",
                    description="Not the cactus: it had some in March." if place % 2 else None,
                ),
            )
