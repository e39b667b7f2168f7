"""Databases with a schema and many todos: packaged PostgreSQL with fsync, and an SQLite file."""

import asyncio
import contextlib
import sqlite3
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from backend.adapters.persistence.postgres import rows as postgres_rows
from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.adapters.persistence.schema.upgrades import upgrade
from backend.adapters.persistence.sqlite import rows as sqlite_rows
from backend.adapters.persistence.sqlite.database import SqliteDatabase
from backend.domain.todo import Todo
from benchmarks.harness.tokens import user_claims
from tests.postgres import PostgresServer

ROLE = "benchmarks"
_START = datetime(2026, 1, 1, tzinfo=UTC)


@contextlib.contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Start a server that writes durably, with a role that row-level security restricts."""
    with PostgresServer() as server:
        server.stop()
        server.start(durable=True)
        server.create_role(ROLE)
        yield server


def postgres_database(server: PostgresServer, *, users: int, each: int) -> tuple[str, str]:
    """Create a database, and return its URL for the owner and for the role that serves."""
    url = server.create_database()
    asyncio.run(upgrade(PostgresDatabase(url)))
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
        asyncio.run(upgrade(SqliteDatabase(url)))
        with contextlib.closing(sqlite3.connect(path)) as connection:
            columns = sqlite_rows.STORED
            values = ", ".join(f":{name}" for name in columns)
            connection.executemany(
                f"INSERT INTO todos ({', '.join(columns)}) VALUES ({values})",
                (sqlite_rows.to_values(user, todo) for user, todo in _todos(users, each)),
            )
            connection.commit()
            connection.execute("ANALYZE")
        yield url


async def _fill_postgres(url: str, users: int, each: int) -> None:
    connection = await asyncpg.connect(url)
    rows = [postgres_rows.to_values(user, todo) for user, todo in _todos(users, each)]
    await connection.execute("ALTER TABLE todos DISABLE ROW LEVEL SECURITY")
    await connection.copy_records_to_table("todos", records=rows, columns=postgres_rows.STORED)
    await connection.execute("ALTER TABLE todos ENABLE ROW LEVEL SECURITY")
    await connection.execute("VACUUM ANALYZE todos")
    await connection.close()


def _todos(users: int, each: int) -> Iterator[tuple[str, Todo]]:
    for number in range(users):
        user_id = user_claims(number)["sub"]
        for room in range(each):
            yield (
                user_id,
                Todo.create(
                    now=_START + timedelta(minutes=room),
                    title=f"Water the plants of room {room}",
                    description="Not the cactus: it had some in March." if room % 2 else None,
                ),
            )
