"""Behind a pooler of transactions: no two statements need the same session of the server."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from backend.adapters.persistence.postgres.repository import PostgresTodoRepository
from backend.domain.todo import TodoNotFoundError
from backend.domain.todo_list import TodoQuery
from tests.adapters.persistence.outages import unavailable
from tests.adapters.persistence.postgres.pooler import TransactionPooler
from tests.adapters.persistence.samples import NOW, a_todo, a_user
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def trusted_url(postgres_server: PostgresServer, postgres_url: str) -> str:
    """A database for a role that needs no password, and does as its owner may."""
    postgres_server.create_role("pooled", "IN ROLE todos_owner")
    postgres_server.trust("pooled")
    return postgres_server.url_for("pooled", postgres_url)


@pytest.fixture
async def pooler(trusted_url: str) -> AsyncIterator[TransactionPooler]:
    async with TransactionPooler(trusted_url) as pooler:
        yield pooler


async def live(todos: PostgresTodoRepository, user_id: str) -> None:
    """Do all that a user can, and see it done."""
    for number in range(5):
        todo = a_todo(str(number))
        await todos.add(user_id, todo)
        assert await todos.get(user_id, todo.id) == todo
        changed = todo.change(now=NOW, completed=True)
        await todos.save(user_id, changed)
        assert (await todos.list(user_id, TodoQuery())).items == (changed,)
        await todos.remove(user_id, todo.id, version=2)
        with pytest.raises(TodoNotFoundError):
            await todos.get(user_id, todo.id)


async def test_users_share_sessions_and_see_nothing_of_each_other(
    pooler: TransactionPooler,
) -> None:
    async with PostgresTodoRepository(pooler.url, pool_size=6, statement_cache=False) as todos:
        await todos.check()
        await asyncio.gather(*(live(todos, a_user()) for _ in range(6)))
    assert pooler.transactions > 6 * 5 * 6


async def test_nothing_is_left_in_a_session(pooler: TransactionPooler, alice: str) -> None:
    async with PostgresTodoRepository(pooler.url, statement_cache=False) as todos:
        await live(todos, alice)
    left = """
    SELECT pg_backend_pid(), NULLIF(current_setting('app.user_id', true), ''),
           (SELECT count(*) FROM pg_prepared_statements),
           (SELECT count(*) FROM pg_settings WHERE source = 'session')
    """
    connection = await asyncpg.connect(pooler.url, statement_cache_size=0)
    sessions = {tuple(await connection.fetchrow(left) or ()) for _ in range(6)}
    await connection.close()
    assert len(sessions) == 3
    assert {session[1:] for session in sessions} == {(None, 0, 0)}


async def test_statements_that_are_kept_prepared_are_missed_by_the_next_session(
    pooler: TransactionPooler,
) -> None:
    connection = await asyncpg.connect(pooler.url)
    await connection.fetch("SELECT 1")
    with pytest.raises(asyncpg.InvalidSQLStatementNameError):
        await connection.fetch("SELECT 1")
    await connection.close()


async def test_a_timeout_that_a_pooler_would_refuse_is_asked_for_only_without_one(
    pooler: TransactionPooler,
) -> None:
    async with PostgresTodoRepository(pooler.url, statement_cache=True) as todos:
        with unavailable():
            await todos.check()
