"""`PostgresTodoRepository`: round trips, cancelled calls and concurrent removals."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.adapters.persistence.postgres.repository import PostgresTodoRepository
from backend.domain.todo import Todo, TodoNotFoundError
from backend.domain.todo_list import TodoQuery
from tests.adapters.persistence.databases import open_todos
from tests.adapters.persistence.postgres.sessions import locked, session_states
from tests.adapters.persistence.postgres.wire import Wire
from tests.adapters.persistence.samples import NOW, a_todo
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio


async def test_a_call_is_one_round_trip(postgres_url: str, alice: str) -> None:
    todo = a_todo()
    async with Wire(postgres_url) as wire, open_todos(wire.url, pool_size=1) as todos:
        for number in range(3):
            wire.sent.clear()
            await todos.add(alice, a_todo())
            await todos.add(alice, todo := a_todo(str(number)))
            await todos.get(alice, todo.id)
            await todos.list(alice, TodoQuery())
            await todos.save(alice, todo.change(now=NOW))
            await todos.remove(alice, todo.id)
        assert len(wire.sent) == 6


async def test_a_broken_constraint_is_not_an_outage(postgres_url: str, alice: str) -> None:
    async with open_todos(postgres_url) as todos:
        with pytest.raises(asyncpg.CheckViolationError):
            await todos.add(alice, replace(a_todo(), version=0))


async def test_cancelled_calls_leave_no_open_transaction(
    postgres_server: PostgresServer, postgres_url: str, alice: str
) -> None:
    todo = a_todo()

    async def call(number: int, todos: PostgresTodoRepository, new: Todo) -> None:
        match number % 4:
            case 0:
                await todos.list(alice, TodoQuery(q="milk"))
            case 1:
                await todos.save(alice, todo.change(now=NOW))
            case _:
                await todos.add(alice, new)

    async with PostgresDatabase(postgres_url, pool_size=3) as database:
        todos = PostgresTodoRepository(database)
        await todos.add(alice, todo)
        await asyncio.gather(*(database.check() for _ in range(3)))
        for number in range(120):
            calls = [asyncio.create_task(call(number + i, todos, a_todo())) for i in range(4)]
            await asyncio.sleep(number * 0.00005)
            for task in calls:
                task.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        await asyncio.gather(*(database.check() for _ in range(10)))
        assert session_states(postgres_server, postgres_url) == {"idle Client"}


async def test_cancelling_a_call_cancels_its_statement_on_the_server(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    async with PostgresDatabase(postgres_url, pool_size=1) as database:
        async with locked(postgres_url):
            call = asyncio.create_task(database.check())
            await asyncio.sleep(0.2)
            assert "active Lock" in session_states(postgres_server, postgres_url)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert "active Lock" not in session_states(postgres_server, postgres_url)
        await database.check()


@pytest.mark.parametrize("operation", ["remove", "remove this version", "save"])
async def test_a_todo_that_is_removed_during_a_call_is_not_found(
    postgres_server: PostgresServer, postgres_url: str, alice: str, operation: str
) -> None:
    todo = a_todo()
    async with open_todos(postgres_url, pool_size=1) as todos:
        await todos.add(alice, todo)
        other = await asyncpg.connect(postgres_url)
        async with other.transaction():
            await other.execute(
                "DELETE FROM todos WHERE user_id = $1::acting_user AND id = $2", alice, todo.id
            )
            call = asyncio.create_task(
                todos.save(alice, todo.change(now=NOW, title="Too late"))
                if operation == "save"
                else todos.remove(alice, todo.id, version=None if operation == "remove" else 1)
            )
            await asyncio.sleep(0.2)
            assert "active Lock" in session_states(postgres_server, postgres_url)
        await other.close()
        with pytest.raises(TodoNotFoundError):
            await call
