"""The second wall: whatever a statement says, PostgreSQL shows a user nobody else's rows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from backend.adapters.persistence import schema
from backend.adapters.persistence.postgres import idempotency as postgres_idempotency
from backend.adapters.persistence.postgres import repository as postgres
from backend.adapters.persistence.postgres.connections import PostgresConnections
from backend.adapters.persistence.postgres.repository import PostgresTodoRepository
from backend.domain.idempotency import Idempotency
from backend.domain.todo_list import TodoQuery
from tests.adapters.persistence.samples import a_todo, a_user
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio

# The statements are no one's to call, but for whom each of them acts is their promise.
STATEMENTS = [
    postgres._ADD,
    postgres._GET,
    *postgres._LISTS.values(),
    postgres._SAVE,
    postgres._REMOVE,
    postgres_idempotency._ADD_ONCE,
    postgres_idempotency._FIND,
]

TABLES = ["todos", "idempotency_keys"]

ASKED = Idempotency(key="a-key", fingerprint=b"a-fingerprint")


def on_every_table(*statements: str) -> list[str]:
    return [statement.format(table=table) for statement in statements for table in TABLES]


# What a statement would be whose author forgot the owner.
CARELESS = on_every_table(
    "SELECT user_id FROM {table} WHERE $1::acting_user IS NOT NULL",
    "UPDATE {table} SET title = 'Mine' WHERE $1::acting_user IS NOT NULL RETURNING user_id",
    "DELETE FROM {table} WHERE $1::acting_user IS NOT NULL RETURNING user_id",
)
# And whose author forgot even for whom it acts.
BLIND = on_every_table(
    "SELECT user_id FROM {table}",
    "UPDATE {table} SET title = 'Mine' RETURNING user_id",
    "DELETE FROM {table} RETURNING user_id",
)


@pytest.fixture(params=["postgres_url", "restricted_url", "partitioned_url"])
def url(request: pytest.FixtureRequest) -> str:
    """A database, for the role that owns it or for one that may do little."""
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture
async def todos(url: str) -> AsyncIterator[PostgresTodoRepository]:
    async with PostgresTodoRepository(url) as todos:
        yield todos


@pytest.fixture
async def connections(url: str) -> AsyncIterator[PostgresConnections]:
    """The application's own way to the database, one connection wide."""
    async with opened(url) as connections:
        yield connections


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[PostgresConnections]:
    connections = PostgresConnections(
        url, size=1, connect_timeout=5, statement_timeout=5, statement_cache=True
    )
    await connections.open()
    yield connections
    await connections.close()


@pytest.mark.parametrize("statement", CARELESS)
async def test_a_statement_that_forgets_the_owner_reaches_the_users_own_rows_only(
    todos: PostgresTodoRepository,
    connections: PostgresConnections,
    alice: str,
    bob: str,
    statement: str,
) -> None:
    await todos.add(alice, a_todo(), idempotency=ASKED)
    his = await todos.add(bob, a_todo(), idempotency=ASKED)
    reached = await connections.fetch(statement, alice)
    assert [row["user_id"] for row in reached] == [alice]
    assert await todos.get(bob, his.id) == his
    assert await todos.add(bob, a_todo(), idempotency=ASKED) == his


@pytest.mark.parametrize("statement", BLIND)
async def test_a_statement_that_acts_for_nobody_reaches_nothing(
    todos: PostgresTodoRepository, connections: PostgresConnections, alice: str, statement: str
) -> None:
    hers = await todos.add(alice, a_todo(), idempotency=ASKED)
    assert await connections.fetch(statement) == []
    # Nor in a session that has acted for somebody, where the setting is empty but there.
    assert len(await connections.fetch(CARELESS[0], alice)) == 1
    assert await connections.fetch(statement) == []
    assert await connections.fetch(CARELESS[0], "") == []
    assert await todos.get(alice, hers.id) == hers
    assert await todos.add(alice, a_todo(), idempotency=ASKED) == hers


async def test_a_row_for_somebody_else_is_refused(
    todos: PostgresTodoRepository, connections: PostgresConnections, alice: str, bob: str
) -> None:
    hers = await todos.add(alice, a_todo())
    copy = """
    INSERT INTO todos SELECT $2, gen_random_uuid(), title, description, completed, priority, due_at,
                             created_at, updated_at, version, search_text
    FROM todos WHERE $1::acting_user IS NOT NULL
    """
    give = "UPDATE todos SET user_id = $2 WHERE user_id = $1::acting_user"
    for statement in (copy, give):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await connections.fetch(statement, alice, bob)
    assert (await todos.list(alice, TodoQuery())).items == (hers,)
    assert (await todos.list(bob, TodoQuery())).items == ()


@pytest.mark.parametrize("statement", STATEMENTS)
async def test_every_statement_says_for_whom_it_acts_before_it_runs(
    postgres_url: str, statement: str
) -> None:
    types = "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = $1"
    async with asyncpg.create_pool(postgres_url, min_size=0) as pool, pool.acquire() as connection:
        prepared = await connection.prepare(statement)
        first, *_ = await connection.fetchval(types, prepared.get_name())
    assert first == "acting_user"


async def test_whom_a_transaction_acted_for_ends_with_it(
    connections: PostgresConnections, alice: str
) -> None:
    acting = "SELECT current_setting('app.user_id', true)"
    ((during,),) = await connections.fetch(f"{acting} WHERE $1::acting_user IS NOT NULL", alice)
    ((after,),) = await connections.fetch(acting)
    assert (during, after) == (alice, "")


async def test_many_users_at_once_share_connections_and_nothing_else(url: str) -> None:
    users = [a_user() for _ in range(20)]
    async with PostgresTodoRepository(url, pool_size=3) as todos:
        added = await asyncio.gather(*(todos.add(user, a_todo()) for user in users))
        for _ in range(5):
            pages = await asyncio.gather(*(todos.list(user, TodoQuery()) for user in users))
            assert [page.items for page in pages] == [(todo,) for todo in added]


async def test_every_table_of_users_is_behind_the_wall(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    walls = """
    SELECT relname, relrowsecurity AND relforcerowsecurity FROM pg_class JOIN pg_attribute
    ON attrelid = pg_class.oid AND attname = 'user_id' AND relkind IN ('r', 'p')
    WHERE relnamespace = 'public'::regnamespace ORDER BY relname
    """
    assert postgres_server.execute(walls, postgres_url).split() == [
        "idempotency_keys|t",
        "todos|t",
    ]


async def test_a_role_that_may_do_little_can_serve(restricted_url: str) -> None:
    assert await schema.is_current(restricted_url)
    assert await schema.is_secured(restricted_url)
    async with PostgresTodoRepository(restricted_url) as todos:
        await todos.check()
        assert await todos.cursor_key()


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE todos DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE todos NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY todos_of_acting_user ON todos",
        "DROP TABLE todos",
        "TRUNCATE todos",
        "CREATE TABLE more (id integer)",
        "UPDATE alembic_version SET version_num = ''",
        "DELETE FROM cursor_key",
        "CREATE ROLE other",
    ],
)
async def test_a_role_that_may_do_little_can_do_no_more(
    restricted_url: str, statement: str
) -> None:
    async with opened(restricted_url) as connections:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connections.fetch(statement)
