"""The statements of docs/rotate.md replace a role while the API serves, and end signing keys."""

import asyncio
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from backend.domain.todo_list import TodoQuery
from backend.domain.todo_repository import RepositoryUnavailableError
from tests.adapters.persistence.databases import database_at, open_todos
from tests.adapters.persistence.samples import a_todo
from tests.documents import fenced_blocks
from tests.operations.conftest import Installation
from tests.postgres import PostgresServer

SIGNING_KEYS, NEW_ROLE, NO_LOGIN, DISCONNECT = (
    block.text for block in fenced_blocks(Path("docs/rotate.md")) if block.language == "sql"
)


async def rotate(installation: Installation) -> None:
    new_url = installation.server.url_for(f"{installation.role}_2", installation.owner_url)
    async with open_todos(installation.url) as old:
        await old.add("ada", a_todo())
        installation.execute(NEW_ROLE)
        async with open_todos(new_url) as new:
            for todos in (old, new):
                await todos.add("ada", a_todo())
            installation.execute(NO_LOGIN)
            assert len((await old.list("ada", TodoQuery())).items) == 3  # is connected already
            assert len((await new.list("ada", TodoQuery())).items) == 3
            assert set(installation.execute(DISCONNECT).split()) == {"t"}
            with pytest.raises(RepositoryUnavailableError):
                await old.list("ada", TodoQuery())
            assert len((await new.list("ada", TodoQuery())).items) == 3
            database = database_at(new_url)
            assert not await database.missing_privileges()
            assert await database.row_level_security()


def test_a_new_role_serves_before_the_old_role_ends(installation: Installation) -> None:
    asyncio.run(rotate(installation))


KEYS: Final = """
CREATE TABLE jwks (id TEXT, "expiresAt" {type});
INSERT INTO jwks (id) VALUES ('1');
"""


def test_the_signing_keys_of_better_auth_expire(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    postgres, sqlite = SIGNING_KEYS.splitlines()
    url = postgres_server.create_database()
    postgres_server.execute(KEYS.format(type="timestamptz") + postgres, url)
    ended = postgres_server.execute('SELECT count(*) FROM jwks WHERE "expiresAt" <= now()', url)
    assert ended == "1"
    with closing(sqlite3.connect(tmp_path / "auth.db")) as connection:
        connection.executescript(KEYS.format(type="DATE") + sqlite)
        ((text,),) = connection.execute('SELECT "expiresAt" FROM jwks')
    # Better Auth writes the times of an SQLite file in this form.
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    assert abs(datetime.fromisoformat(text) - datetime.now(UTC)) < timedelta(seconds=10)
