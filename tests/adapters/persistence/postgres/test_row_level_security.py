"""Row-level security: even a wrong statement reaches only the rows of its acting user."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from backend.adapters.persistence.postgres import idempotency as postgres_idempotency
from backend.adapters.persistence.postgres import repository as postgres
from backend.adapters.persistence.postgres import user_data as postgres_user_data
from backend.adapters.persistence.postgres.connections import PostgresConnections
from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.domain.idempotency import Idempotency
from backend.domain.todo_list import TodoQuery
from backend.domain.todo_repository import RepositoryUnavailableError
from tests.adapters.persistence.databases import Todos, is_current, open_todos
from tests.adapters.persistence.samples import a_todo, a_user
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio

# Private, but each statement must name its acting user.
STATEMENTS = [
    postgres._ADD,
    postgres._ADD_COUNTED,
    postgres._GET,
    *postgres._LISTS.values(),
    postgres._SAVE,
    postgres._REMOVE,
    postgres_idempotency._ADD_UNCOUNTED,
    postgres_idempotency._ADD_COUNTED,
    postgres_idempotency._COUNT,
    postgres_idempotency._FIND,
    postgres_user_data._REMOVE,
]

TABLES = ["todos", "idempotency_keys"]

REQUEST = Idempotency(key="a-key", fingerprint=b"a-fingerprint")


def on_every_table(*statements: str) -> list[str]:
    return [statement.format(table=table) for statement in statements for table in TABLES]


# Statements that forgot the owner.
WITHOUT_OWNER = on_every_table(
    "SELECT user_id FROM {table} WHERE $1::acting_user IS NOT NULL",
    "UPDATE {table} SET title = 'Mine' WHERE $1::acting_user IS NOT NULL RETURNING user_id",
    "DELETE FROM {table} WHERE $1::acting_user IS NOT NULL RETURNING user_id",
)
# Statements that also forgot the acting user.
WITHOUT_USER = on_every_table(
    "SELECT user_id FROM {table}",
    "UPDATE {table} SET title = 'Mine' RETURNING user_id",
    "DELETE FROM {table} RETURNING user_id",
)


@pytest.fixture(params=["postgres_url", "restricted_url", "partitioned_url"])
def url(request: pytest.FixtureRequest) -> str:
    """A database, for the role that owns it or for the restricted role."""
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture
async def todos(url: str) -> AsyncIterator[Todos]:
    async with open_todos(url) as todos:
        yield todos


@pytest.fixture
async def connections(url: str) -> AsyncIterator[PostgresConnections]:
    """The pool that the application uses, with a single connection."""
    async with PostgresDatabase(url, pool_size=1) as database:
        yield database.connections


@pytest.mark.parametrize("statement", WITHOUT_OWNER)
async def test_a_statement_without_an_owner_reaches_only_the_users_own_rows(
    todos: Todos,
    connections: PostgresConnections,
    alice: str,
    bob: str,
    statement: str,
) -> None:
    await todos.add(alice, a_todo(), idempotency=REQUEST)
    his = await todos.add(bob, a_todo(), idempotency=REQUEST)
    reached = await connections.fetch(statement, alice)
    assert [row["user_id"] for row in reached] == [alice]
    assert await todos.get(bob, his.id) == his
    assert await todos.add(bob, a_todo(), idempotency=REQUEST) == his


@pytest.mark.parametrize("statement", WITHOUT_USER)
async def test_a_statement_without_an_acting_user_reaches_no_rows(
    todos: Todos, connections: PostgresConnections, alice: str, statement: str
) -> None:
    hers = await todos.add(alice, a_todo(), idempotency=REQUEST)
    assert await connections.ask(statement) == []
    # The same holds in a session that has acted for a user, where the setting is an empty string.
    assert len(await connections.fetch(WITHOUT_OWNER[0], alice)) == 1
    assert await connections.ask(statement) == []
    assert await connections.fetch(WITHOUT_OWNER[0], "") == []
    assert await todos.get(alice, hers.id) == hers
    assert await todos.add(alice, a_todo(), idempotency=REQUEST) == hers


async def test_a_row_for_another_user_is_refused(
    todos: Todos, connections: PostgresConnections, alice: str, bob: str
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
async def test_every_statement_binds_its_acting_user_first(
    postgres_url: str, statement: str
) -> None:
    types = "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = $1"
    async with asyncpg.create_pool(postgres_url, min_size=0) as pool, pool.acquire() as connection:
        prepared = await connection.prepare(statement)
        first, *_ = await connection.fetchval(types, prepared.get_name())
    assert first == "acting_user"


async def test_the_acting_user_is_forgotten_after_the_transaction(
    connections: PostgresConnections, alice: str
) -> None:
    acting = "SELECT current_setting('app.user_id', true)"
    ((during,),) = await connections.fetch(f"{acting} WHERE $1::acting_user IS NOT NULL", alice)
    ((after,),) = await connections.ask(acting)
    assert (during, after) == (alice, "")


async def test_many_concurrent_users_share_only_connections(url: str) -> None:
    users = [a_user() for _ in range(20)]
    async with open_todos(url, pool_size=3) as todos:
        added = await asyncio.gather(*(todos.add(user, a_todo()) for user in users))
        for _ in range(5):
            pages = await asyncio.gather(*(todos.list(user, TodoQuery()) for user in users))
            assert [page.items for page in pages] == [(todo,) for todo in added]


async def test_every_table_with_user_ids_has_row_level_security(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    query = """
    SELECT relname, relrowsecurity AND relforcerowsecurity FROM pg_class JOIN pg_attribute
    ON attrelid = pg_class.oid AND attname = 'user_id' AND relkind IN ('r', 'p')
    WHERE relnamespace = 'public'::regnamespace ORDER BY relname
    """
    secured = dict(row.split("|") for row in postgres_server.execute(query, postgres_url).split())
    assert {"idempotency_keys", "todos"} <= secured.keys()
    assert set(secured.values()) == {"t"}


async def test_the_restricted_role_can_serve(restricted_url: str) -> None:
    assert await is_current(restricted_url)
    assert await PostgresDatabase(restricted_url).row_level_security()
    async with PostgresDatabase(restricted_url) as database:
        await database.check()
        assert await database.cursor_key()


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
async def test_the_restricted_role_cannot_change_the_schema(
    restricted_url: str, statement: str
) -> None:
    async with PostgresDatabase(restricted_url) as database:
        with pytest.raises(RepositoryUnavailableError, match="InsufficientPrivilege"):
            await database.connections.ask(statement)
