"""No order of a list is sorted when it is asked for: an index holds it, from any position on."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from backend.adapters.persistence import postgres, schema, sqlite
from backend.domain.todo import TodoSort
from tests.postgres import PostgresServer

# The statements are no one's to call, but what a database makes of them is their promise.
POSTGRES_LISTS = postgres._LISTS
SQLITE_LISTS = sqlite._LISTS

POSTGRES_ROWS = """
INSERT INTO todos (user_id, id, title, description, completed, priority, due_at, created_at,
                   updated_at, version, search_text)
SELECT 'user-' || number % 10, gen_random_uuid(), 'Title ' || number, NULL, number % 2 = 0,
       number % 3, CASE number % 4 WHEN 0 THEN now() + number * interval '1 hour' END,
       now() - number * interval '1 minute', now(), 1, 'title ' || number
FROM generate_series(1, 20000) AS number;
ANALYZE todos
"""


@pytest.fixture(scope="module")
def full_url(postgres_server: PostgresServer) -> str:
    """A database with 2,000 todos of each of ten users."""
    url = postgres_server.create_database()
    asyncio.run(schema.upgrade(url))
    postgres_server.execute(POSTGRES_ROWS, url)
    return url


@pytest.mark.parametrize("positioned", [False, True])
@pytest.mark.parametrize("sort", TodoSort)
def test_postgres_reads_every_order_from_its_index(
    postgres_server: PostgresServer, full_url: str, sort: TodoSort, positioned: bool
) -> None:
    statement = POSTGRES_LISTS[sort, positioned]
    plan = postgres_server.execute(f"EXPLAIN (GENERIC_PLAN) {statement}", full_url)
    assert f"using todos_by_{sort.field} on todos" in plan
    assert "Sort" not in plan
    condition = plan.partition("Index Cond: ")[2].partition("\n")[0]
    assert "user_id" in condition
    assert ("ROW" in condition) is positioned


@pytest.fixture
def connection(sqlite_url: str) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection:
        yield connection


@pytest.mark.parametrize("positioned", [False, True])
@pytest.mark.parametrize("sort", TodoSort)
def test_sqlite_reads_every_order_from_its_index(
    connection: sqlite3.Connection, sort: TodoSort, positioned: bool
) -> None:
    values = dict.fromkeys(
        ("user_id", "completed", "priority", "due_before", "q", "count", "key", "id")
    )
    statement = f"EXPLAIN QUERY PLAN {SQLITE_LISTS[sort, positioned]}"
    ((_, _, _, plan),) = connection.execute(statement, values)
    assert f"SEARCH todos USING INDEX todos_by_{sort.field} (user_id=?" in plan
    assert (" AND " in plan) is positioned
