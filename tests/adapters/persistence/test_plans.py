"""Query plans: every order of a list comes from an index, from any position, without a sort.

The tables hold 100,000 todos of 1,000 users, because planners choose by size.
"""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

import asyncpg
import pytest
from asyncpg.pool import PoolConnectionProxy

from backend.adapters.persistence.postgres import repository as postgres
from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.adapters.persistence.schema.upgrades import upgrade
from backend.adapters.persistence.sqlite import repository as sqlite
from backend.domain.todo_list import NEVER_DUE, TodoQuery, TodoSort
from tests.adapters.persistence.databases import open_todos
from tests.adapters.persistence.scaling import statements_of
from tests.postgres import PostgresServer

Session: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"

pytestmark = pytest.mark.anyio

# Private, but their plans are part of the contract.
POSTGRES_LISTS = postgres._LISTS
SQLITE_LISTS = sqlite._LISTS

USER = "user-7"
PAGE_LENGTH = 21

POSTGRES_ROWS = """
INSERT INTO todos (user_id, id, title, description, completed, priority, due_at, created_at,
                   updated_at, version, search_text)
SELECT 'user-' || number % 1000, gen_random_uuid(), 'Title ' || number, NULL, number % 7 = 0,
       number % 3, CASE number % 3 WHEN 0 THEN now() + number * interval '1 hour' END,
       now() - number * interval '1 minute', now(), 1, 'title ' || number
FROM generate_series(1, 100000) AS number;
ANALYZE todos
"""

SQLITE_ROWS = """
WITH RECURSIVE numbers (number) AS (
    SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 100000
)
INSERT INTO todos (user_id, id, title, description, completed, priority, due_at, created_at,
                   updated_at, version, search_text)
SELECT 'user-' || (number % 1000), randomblob(16), 'Title ' || number, NULL, number % 7 = 0,
       number % 3,
       CASE number % 3 WHEN 0 THEN
           strftime('%Y-%m-%dT%H:%M:%f000+00:00', 1800000000 + number * 3600, 'unixepoch') END,
       strftime('%Y-%m-%dT%H:%M:%f000+00:00', 1700000000 - number * 60, 'unixepoch'),
       '2026-07-01T00:00:00.000000+00:00', 1, 'title ' || number
FROM numbers;
ANALYZE
"""


@pytest.fixture(scope="module")
def full_url(postgres_server: PostgresServer) -> str:
    url = postgres_server.create_database()
    asyncio.run(upgrade(PostgresDatabase(url)))
    postgres_server.execute(POSTGRES_ROWS, url)
    return url


@pytest.fixture(scope="module")
async def session(full_url: str) -> AsyncIterator[Session]:
    """A session of the role that owns the table, which the policy restricts."""
    async with asyncpg.create_pool(full_url, min_size=1) as pool, pool.acquire() as session:
        yield session


@pytest.mark.parametrize("positioned", [False, True])
@pytest.mark.parametrize("sort", TodoSort)
async def test_postgres_reads_only_the_rows_of_the_page_in_every_order(
    full_url: str, session: Session, sort: TodoSort, positioned: bool
) -> None:
    async with open_todos(full_url) as todos:
        after = (await todos.list(USER, TodoQuery(sort=sort))).next
    assert after
    start = (after.key, after.id) if positioned else ()
    values = (USER, None, None, None, None, PAGE_LENGTH, *start)
    prepared = await session.prepare(POSTGRES_LISTS[sort, positioned])
    for _ in range(
        10
    ):  # by then the server has chosen between a generic plan and one for each value
        await prepared.fetch(*values)
    arguments = ", ".join(literal(value) for value in values)
    lines = await session.fetch(
        f"EXPLAIN (ANALYZE, BUFFERS OFF, TIMING OFF) EXECUTE {prepared.get_name()}({arguments})"
    )
    plan = "\n".join(line for (line,) in lines)
    assert "app.user_id" in plan  # the policy applies
    assert "Sort" not in plan
    assert "Rows Removed" not in plan
    scan, _, conditions = plan.partition(f"using todos_by_{sort.field} on todos")[2].partition("\n")
    assert f"(actual rows={PAGE_LENGTH}.00 " in scan
    condition = conditions.partition("Index Cond: ")[2].partition("\n")[0]
    assert "user_id = " in condition
    assert ("ROW" in condition) is positioned


def literal(value: object) -> str:
    """Write a value as SQL; none of these values contains a quote."""
    if value is None:
        return "NULL"
    return "'infinity'" if value == NEVER_DUE else f"'{value}'"


@pytest.mark.usefixtures("restricted_url")  # the partitioned table is granted to its role
async def test_postgres_moves_todos_to_partitions_and_reads_a_single_partition(
    postgres_server: PostgresServer,
) -> None:
    url = postgres_server.create_database()
    await upgrade(PostgresDatabase(url))
    postgres_server.execute(POSTGRES_ROWS.replace("% 1000", "% 10").replace("100000", "10000"), url)
    async with asyncpg.create_pool(url, min_size=1, max_size=1) as pool:
        await pool.execute(statements_of("Hash partitions"))
        await pool.execute("ANALYZE todos")
        statement = f"EXPLAIN {POSTGRES_LISTS[TodoSort.CREATED_AT_DESC, False]}"
        lines = await pool.fetch(statement, USER, None, None, None, None, PAGE_LENGTH)
    plan = "\n".join(line for (line,) in lines)
    assert plan.count("Index Scan") == 1
    assert "Sort" not in plan
    async with open_todos(url) as todos:
        pages = [await todos.list(f"user-{number}", TodoQuery()) for number in range(10)]
    assert all(page.next for page in pages)


@pytest.fixture(scope="module")
def full_file(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plans") / "todos.db"
    shutil.copy(sqlite_template, path)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            f"PRAGMA synchronous = OFF; PRAGMA cache_size = -200000; {SQLITE_ROWS}"
        )
    return path


@pytest.fixture(params=["full_file", "sqlite_template"])
def connection(request: pytest.FixtureRequest) -> Iterator[sqlite3.Connection]:
    """A file with statistics and a file without: SQLite makes statistics only for ANALYZE."""
    path: Path = request.getfixturevalue(request.param)
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
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
