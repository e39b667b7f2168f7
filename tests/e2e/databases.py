"""A database of each kind, and what is in it as its operator sees it."""

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

# Every todo with its key, and every key with its todo: what is missing is empty.
_PAIRS: Final = """
SELECT {id}, COALESCE(title, ''), COALESCE(key, '')
FROM (SELECT user_id, id, title FROM todos) AS todos
FULL JOIN (SELECT user_id, id, key FROM idempotency_keys) AS keys USING (user_id, id)
"""


class Database:
    """A database with a schema; a file of its own, or one on a server.

    Attributes:
        url: What a server is told.
    """

    def __init__(self, url: str, server: PostgresServer | None = None) -> None:
        self.url = url
        self._server = server
        asyncio.run(Container(settings=Settings(database_url=SecretStr(url))).upgrade_schema())

    @classmethod
    def on_file(cls, folder: Path) -> "Database":
        """Make a file."""
        return cls(f"sqlite:///{folder / 'todos.db'}")

    @classmethod
    def on_server(cls, server: PostgresServer) -> "Database":
        """Make a database on a server."""
        return cls(server.create_database(), server)

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self.url.removeprefix("sqlite:///"))

    def pairs(self) -> Sequence[tuple[UUID, str, str]]:
        """Return id, title and key of every todo, once the database is seen to be sound."""
        if self._server is not None:
            said = self._server.execute(_PAIRS.format(id="id"), self.url)
            rows = [line.split("|") for line in said.splitlines()]
        else:
            with closing(sqlite3.connect(self.path)) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                rows = connection.execute(_PAIRS.format(id="hex(id)")).fetchall()
        return [(UUID(todo_id), title, key) for todo_id, title, key in rows]
