"""A database of each kind, and direct access to its rows."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final
from uuid import UUID

from pydantic import SecretStr

from backend.container import Container
from backend.settings import Settings
from tests.postgres import PostgresServer

# A todo without a key has an empty key. A key without a todo has an empty title.
_TODOS_AND_KEYS: Final = """
SELECT {id}, COALESCE(title, ''), COALESCE(key, '')
FROM (SELECT user_id, id, title FROM todos) AS todos
FULL JOIN (SELECT user_id, id, key FROM idempotency_keys) AS keys USING (user_id, id)
"""


class Database:
    """A new database with the current schema.

    Attributes:
        url: The value of `DATABASE_URL`.
    """

    def __init__(self, url: str, server: PostgresServer | None = None) -> None:
        self.url = url
        self._server = server
        asyncio.run(Container(settings=Settings(database_url=SecretStr(url))).migrate_schema())

    @classmethod
    def create_sqlite(cls, folder: Path) -> "Database":
        """Create an SQLite file."""
        return cls(f"sqlite:///{folder / 'todos.db'}")

    @classmethod
    def create_postgres(cls, server: PostgresServer) -> "Database":
        """Create a database on a PostgreSQL server."""
        return cls(server.create_database(), server)

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return Path(self.url.removeprefix("sqlite:///"))

    def todos_and_keys(self) -> Sequence[tuple[UUID, str, str]]:
        """Check the integrity of an SQLite file; return id, title and key of every todo."""
        if self._server is not None:
            output = self._server.execute(_TODOS_AND_KEYS.format(id="id"), self.url)
            rows = [line.split("|") for line in output.splitlines()]
        else:
            with closing(sqlite3.connect(self.path)) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                rows = connection.execute(_TODOS_AND_KEYS.format(id="hex(id)")).fetchall()
        return [(UUID(todo_id), title, key) for todo_id, title, key in rows]
