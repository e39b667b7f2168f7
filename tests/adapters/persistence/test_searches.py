"""Searches of a user leave the database to other calls."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing

import pytest

from backend.adapters.persistence import searches
from backend.adapters.persistence.searches import Searches
from backend.domain.todo_list import TodoQuery
from backend.domain.todo_repository import SearchTimeoutError
from tests.adapters.persistence.databases import Todos, database_at, todos_in
from tests.adapters.persistence.postgres.sessions import session_states
from tests.adapters.persistence.samples import a_todo, a_user
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio

# Both databases compare almost the whole pattern at every position of this text.
TEXT, PATTERNS = "a" * 10_000, ("b" + "a" * 199, "a" * 199 + "b")

POSTGRES_ROWS = """
INSERT INTO todos (user_id, id, title, description, completed, priority, created_at, updated_at,
                   version, search_text)
SELECT '{user}', gen_random_uuid(), 'a', repeat('a', 10000), false, 1, now(), now(), 1,
       'a' || chr(10) || repeat('a', 10000)
FROM generate_series(1, 3000)
"""

SQLITE_ROWS = """
WITH RECURSIVE numbers (number) AS (
    SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 3000
)
INSERT INTO todos (user_id, id, title, description, completed, priority, created_at, updated_at,
                   version, search_text)
SELECT :user, randomblob(16), 'a', :text, false, 1, '2026-07-01T00:00:00.000000+00:00',
       '2026-07-01T00:00:00.000000+00:00', 1, 'a' || char(10) || :text
FROM numbers
"""


@pytest.fixture
def mallory() -> str:
    return a_user()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, mallory: str) -> str:
    """A database in which Mallory has many todos that are slow to search."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    if request.param == "sqlite":
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(SQLITE_ROWS, {"user": mallory, "text": TEXT})
            connection.commit()
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        server.execute(POSTGRES_ROWS.format(user=mallory), url)
    return url


@pytest.fixture
async def todos(url: str) -> AsyncIterator[Todos]:
    async with database_at(url, pool_size=4) as database:
        yield todos_in(database)


async def test_the_searches_of_one_user_do_not_stop_the_searches_of_another_user(
    todos: Todos, mallory: str, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searches, "QUEUE_TIMEOUT", 0.5)
    todo = a_todo()
    await todos.add(alice, todo)
    attack = [
        asyncio.create_task(todos.list(mallory, TodoQuery(q=PATTERNS[number % 2])))
        for number in range(30)
    ]
    await asyncio.sleep(0.05)
    for _ in range(20):
        async with asyncio.timeout(1):
            assert (await todos.list(alice, TodoQuery())).items == (todo,)
            assert (await todos.list(alice, TodoQuery(q="milk"))).items == (todo,)
            assert await todos.get(alice, todo.id) == todo
    outcomes = await asyncio.gather(*attack, return_exceptions=True)
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert failures
    assert {type(failure) for failure in failures} == {SearchTimeoutError}


async def test_a_search_that_takes_too_long_ends_in_the_database_too(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    todos: Todos,
    url: str,
    mallory: str,
) -> None:
    for module in ("postgres", "sqlite"):
        monkeypatch.setattr(
            f"backend.adapters.persistence.{module}.connections.SEARCH_TIMEOUT", 0.02
        )
    for pattern in PATTERNS * 3:
        with pytest.raises(SearchTimeoutError):
            await todos.list(mallory, TodoQuery(q=pattern))
        if url.startswith("postgresql:"):
            states = session_states(request.getfixturevalue("postgres_server"), url)
            assert not {state for state in states if state.startswith("active")}
    async with asyncio.timeout(1):
        await todos.list(mallory, TodoQuery())


async def test_two_searches_of_a_user_run_at_a_time() -> None:
    turns, running, most = Searches(20), 0, 0

    async def search() -> None:
        nonlocal running, most
        async with turns.admit("alice"):
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.001)
            running -= 1

    await asyncio.gather(*(search() for _ in range(10)))
    assert most == 2


async def test_all_searches_together_leave_half_of_the_connections() -> None:
    turns = Searches(4)
    async with turns.admit("alice"), turns.admit("bob"):
        waiting = asyncio.ensure_future(turns.admit("carol").__aenter__())
        await asyncio.sleep(0.01)
        assert not waiting.done()
    await waiting


async def test_a_search_that_waits_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "QUEUE_TIMEOUT", 0.05)
    turns = Searches(20)
    async with turns.admit("alice"), turns.admit("alice"):
        with pytest.raises(SearchTimeoutError, match="at the same time"):
            async with turns.admit("alice"):
                pass
        async with turns.admit("bob"):
            pass
