"""The guarantees of the schema itself: constraints and collation."""

import asyncio
import sqlite3

import pytest

from tests.adapters.persistence.databases import execute, open_todos
from tests.adapters.persistence.samples import a_todo, a_user
from tests.postgres import PostgresServer


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
        async with open_todos(url) as todos:
            await todos.add(a_user(), a_todo())

    asyncio.run(add())
    with pytest.raises((sqlite3.IntegrityError, RuntimeError), match=r"constraint|of type boolean"):
        execute(postgres_server, url, change)


def test_postgres_compares_text_by_code_point_in_every_locale(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    other_collations = postgres_server.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'todos'::regclass"
        " AND atttypid = 'text'::regtype AND attcollation <> '\"C\"'::regcollation",
        postgres_url,
    )
    assert not other_collations
