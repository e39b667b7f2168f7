"""Behind a transaction pooler, no two statements need the same session of the server."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.adapters.persistence.schema.diagnosis import diagnose_database
from backend.container.database import choose_user_data
from backend.domain.todo import TodoNotFoundError
from backend.domain.todo_list import TodoQuery
from backend.domain.user_data import UserData
from tests.adapters.persistence.databases import Todos, database_at, todos_in
from tests.adapters.persistence.outages import unavailable
from tests.adapters.persistence.postgres.pooler import TransactionPooler
from tests.adapters.persistence.samples import NOW, a_todo, a_user
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def trusted_url(postgres_server: PostgresServer, postgres_url: str) -> str:
    """A database for a role that needs no password, with the privileges of the owner."""
    postgres_server.create_role("pooled", "IN ROLE todos_owner")
    postgres_server.trust("pooled")
    return postgres_server.url_for("pooled", postgres_url)


@pytest.fixture
async def pooler(trusted_url: str) -> AsyncIterator[TransactionPooler]:
    async with TransactionPooler(trusted_url) as pooler:
        yield pooler


async def use_every_operation(todos: Todos, user_data: UserData, user_id: str) -> None:
    """Do everything that a user can do, and check each result."""
    for number in range(5):
        todo = a_todo(str(number))
        await todos.add(user_id, todo)
        assert await todos.get(user_id, todo.id) == todo
        changed = todo.change(now=NOW, completed=True)
        await todos.save(user_id, changed)
        assert (await todos.list(user_id, TodoQuery())).items == (changed,)
        if number % 2:
            await todos.remove(user_id, todo.id, version=2)
        else:
            assert (await user_data.remove(user_id))["todos"] == 1
        with pytest.raises(TodoNotFoundError):
            await todos.get(user_id, todo.id)


async def test_users_share_sessions_but_see_only_their_own_todos(
    pooler: TransactionPooler,
) -> None:
    async with database_at(pooler.url, pool_size=6, statement_cache=False) as database:
        await database.check()
        todos, user_data = todos_in(database), choose_user_data(database)
        await asyncio.gather(*(use_every_operation(todos, user_data, a_user()) for _ in range(6)))
    assert pooler.transactions > 6 * 5 * 6


async def test_a_session_keeps_no_user_statement_or_setting(
    pooler: TransactionPooler, alice: str
) -> None:
    async with database_at(pooler.url, statement_cache=False) as database:
        await use_every_operation(todos_in(database), choose_user_data(database), alice)
    session_state = """
    SELECT pg_backend_pid(), NULLIF(current_setting('app.user_id', true), ''),
           (SELECT count(*) FROM pg_prepared_statements),
           (SELECT count(*) FROM pg_settings WHERE source = 'session')
    """
    connection = await asyncpg.connect(pooler.url, statement_cache_size=0)
    sessions = {tuple(await connection.fetchrow(session_state) or ()) for _ in range(6)}
    await connection.close()
    assert len(sessions) == 3
    assert {session[1:] for session in sessions} == {(None, 0, 0)}


async def test_the_check_at_the_start_leaves_no_statement_in_a_session(
    pooler: TransactionPooler,
) -> None:
    # Statements have the same names in every process, so the next start would collide with them.
    for _ in range(3):
        findings = await diagnose_database(PostgresDatabase(pooler.url, statement_cache=False))
        assert [finding.problem for finding in findings if finding.problem] == []
    connection = await asyncpg.connect(pooler.url, statement_cache_size=0)
    left = {await connection.fetchval("SELECT count(*) FROM pg_prepared_statements") for _ in "123"}
    await connection.close()
    assert left == {0}


async def test_a_prepared_statement_does_not_exist_in_the_next_session(
    pooler: TransactionPooler,
) -> None:
    connection = await asyncpg.connect(pooler.url)
    await connection.fetch("SELECT 1")
    with pytest.raises(asyncpg.InvalidSQLStatementNameError):
        await connection.fetch("SELECT 1")
    await connection.close()


async def test_the_pooler_refuses_the_timeout_that_prepared_statements_come_with(
    pooler: TransactionPooler,
) -> None:
    async with database_at(pooler.url, statement_cache=True) as database:
        with unavailable():
            await database.check()


async def test_a_parameter_that_the_pooler_refuses_has_a_remedy(pooler: TransactionPooler) -> None:
    found, *_ = await diagnose_database(PostgresDatabase(f"{pooler.url}?schema=other"))
    assert "unsupported startup parameter" in str(found.problem)
    assert "DATABASE_PREPARED_STATEMENTS=off" in str(found.remedy)


async def test_a_url_for_the_pooler_needs_no_setting(pooler: TransactionPooler) -> None:
    async with database_at(f"{pooler.url}?pgbouncer=true") as database:
        await use_every_operation(todos_in(database), choose_user_data(database), a_user())
