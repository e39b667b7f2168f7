"""The contract of `UserData`, which every adapter keeps on a real database."""

import asyncio
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from uuid import uuid4

import asyncpg
import pytest

from backend.adapters.persistence.user_tables import USER_TABLES
from backend.container.database import choose_user_data
from backend.domain.idempotency import Idempotency
from backend.domain.todo import Todo, TodoNotFoundError
from backend.domain.todo_list import TodoQuery
from backend.domain.todo_repository import RepositoryUnavailableError, TodoRepository
from backend.domain.user_data import UserData
from tests.adapters.persistence.conftest import Database
from tests.adapters.persistence.databases import database_at, execute, todos_in
from tests.adapters.persistence.samples import EVERY_FIELD, NOW, a_todo
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio

NOTHING: Mapping[str, int] = {"todos": 0, "idempotency_keys": 0}


@pytest.fixture(scope="module")
def user_data(database: Database) -> UserData:
    return choose_user_data(database)


def identified(key: str = "key") -> Idempotency:
    return Idempotency(key=key, fingerprint=b"the same content")


async def stored(todos: TodoRepository, user_id: str) -> Sequence[Todo]:
    return (await todos.list(user_id, TodoQuery(limit=100))).items


async def test_everything_of_a_user_is_removed_and_counted(
    todos: TodoRepository, user_data: UserData, alice: str
) -> None:
    await todos.add(alice, a_todo(**EVERY_FIELD))
    await todos.add(alice, a_todo(), idempotency=identified())
    assert await user_data.remove(alice) == {"todos": 2, "idempotency_keys": 1}
    assert await stored(todos, alice) == ()


async def test_the_second_removal_removes_nothing(
    todos: TodoRepository, user_data: UserData, alice: str
) -> None:
    await todos.add(alice, a_todo())
    await user_data.remove(alice)
    assert {**NOTHING, **await user_data.remove(alice)} == NOTHING


async def test_a_user_without_data_can_be_removed(user_data: UserData, alice: str) -> None:
    assert {**NOTHING, **await user_data.remove(alice)} == NOTHING


async def test_the_data_of_other_users_stays(
    todos: TodoRepository, user_data: UserData, alice: str, bob: str
) -> None:
    his = await todos.add(bob, a_todo(), idempotency=identified())
    await todos.add(alice, a_todo(), idempotency=identified())
    await user_data.remove(alice)
    assert await stored(todos, bob) == (his,)
    assert await todos.add(bob, a_todo(minutes=1), idempotency=identified()) == his


@pytest.mark.parametrize("user_id", ["' OR '1' = '1", "%", "_", "Ålice", "*", "\\"])
async def test_a_user_id_with_special_characters_names_this_user_only(
    todos: TodoRepository, user_data: UserData, user_id: str, bob: str
) -> None:
    his = await todos.add(bob, a_todo())
    await todos.add(user_id, a_todo())
    assert (await user_data.remove(user_id))["todos"] == 1
    assert await stored(todos, bob) == (his,)


async def test_a_repeated_request_does_not_return_a_deleted_todo(
    todos: TodoRepository, user_data: UserData, alice: str
) -> None:
    await todos.add(alice, a_todo(), idempotency=identified())
    await user_data.remove(alice)
    again = a_todo(minutes=1)
    assert await todos.add(alice, again, idempotency=identified()) == again
    assert await stored(todos, alice) == (again,)


async def test_a_user_may_have_todos_again(
    todos: TodoRepository, user_data: UserData, alice: str
) -> None:
    todo = await todos.add(alice, a_todo())
    await user_data.remove(alice)
    await todos.add(alice, todo)
    assert await todos.get(alice, todo.id) == todo


async def test_requests_at_the_same_time_happen_before_or_after_the_removal(
    todos: TodoRepository, user_data: UserData, alice: str
) -> None:
    """Afterwards, each key either creates a todo or returns a todo that exists."""

    async def add_and_change(number: int) -> None:
        key = identified(str(number))
        todo = await todos.add(alice, a_todo(minutes=number), idempotency=key)
        with suppress(TodoNotFoundError):  # removed meanwhile
            await todos.save(alice, todo.change(now=NOW, completed=True))

    async def remove() -> None:
        for _ in range(5):
            await asyncio.sleep(0)
            await user_data.remove(alice)

    await asyncio.gather(*map(add_and_change, range(30)), remove(), remove())
    before = {todo.id for todo in await stored(todos, alice)}
    for number in range(30):
        todo = await todos.add(alice, a_todo(minutes=99), idempotency=identified(str(number)))
        assert (await todos.get(alice, todo.id)).id == todo.id
    after = {todo.id for todo in await stored(todos, alice)}
    assert before <= after
    assert len(after) == 30


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_every_table_with_user_ids_is_removed_from(
    request: pytest.FixtureRequest, kind: str
) -> None:
    """A table that is missing from `USER_TABLES` keeps the rows of a user who has left."""
    if kind == "sqlite":
        with sqlite3.connect(request.getfixturevalue("sqlite_url")[len("sqlite:///") :]) as opened:
            query = """
            SELECT name FROM sqlite_master AS t
            WHERE type = 'table' AND EXISTS (SELECT 1 FROM pragma_table_info(t.name)
                                             WHERE name = 'user_id')
            """
            found = {name for (name,) in opened.execute(query)}
        opened.close()
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        query = """
        SELECT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
        WHERE attname = 'user_id' AND relkind IN ('r', 'p') AND NOT relispartition
          AND relnamespace = 'public'::regnamespace
        """
        found = set(server.execute(query, request.getfixturevalue("postgres_url")).split())
    assert found == set(USER_TABLES)


@pytest.fixture(params=["sqlite_url", "restricted_url"])
def url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(request.param)
    return url


# The statements that SQLite and PostgreSQL run before they delete a row.
FAIL = ("SELECT RAISE(ABORT, 'failed')", "RAISE 'failed';")
WAIT = (
    """
    INSERT INTO counts SELECT count(*) FROM (
        WITH RECURSIVE c(x) AS (SELECT 1 UNION SELECT x + 1 FROM c WHERE x < 1500)
        SELECT a.x FROM c AS a, c AS b WHERE a.x + b.x > 0
    )
    """,
    "PERFORM pg_sleep(0.3);",
)


@contextmanager
def before_deletion(
    server: PostgresServer, url: str, table: str, user_id: str, action: tuple[str, str]
) -> Iterator[None]:
    """Let a database do something before it deletes a row of a user."""
    condition = f"WHEN (OLD.user_id = '{user_id}')"
    if url.startswith("sqlite:"):
        execute(server, url, "CREATE TABLE counts (number)")
        trigger = f"CREATE TRIGGER t BEFORE DELETE ON {table} {condition} BEGIN {action[0]}; END"
        execute(server, url, trigger)
        yield
    else:
        name = f"t_{uuid4().hex}"
        function = f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql"
        execute(server, url, f"{function} AS $$BEGIN {action[1]} RETURN OLD; END$$")
        trigger = f"CREATE TRIGGER {name} BEFORE DELETE ON {table} FOR EACH ROW {condition}"
        execute(server, url, f"{trigger} EXECUTE FUNCTION {name}()")
        yield
        execute(server, url, f"DROP FUNCTION {name} CASCADE")


async def test_a_failed_removal_removes_nothing(
    postgres_server: PostgresServer, url: str, alice: str
) -> None:
    failing = before_deletion(postgres_server, url, "idempotency_keys", alice, FAIL)
    async with database_at(url) as database:
        todos, user_data = todos_in(database), choose_user_data(database)
        todo = await todos.add(alice, a_todo(), idempotency=identified())
        with failing, pytest.raises((asyncpg.RaiseError, sqlite3.IntegrityError), match="failed"):
            await user_data.remove(alice)
        assert await stored(todos, alice) == (todo,)
        assert await todos.add(alice, a_todo(minutes=1), idempotency=identified()) == todo


async def test_a_removal_may_take_longer_than_other_statements(
    postgres_server: PostgresServer, url: str, alice: str
) -> None:
    async with database_at(url) as database:
        await todos_in(database).add(alice, todo := a_todo())
    slow = before_deletion(postgres_server, url, "todos", alice, WAIT)
    async with database_at(url, statement_timeout=0.05) as database:
        todos, user_data = todos_in(database), choose_user_data(database)
        with slow:
            with pytest.raises(RepositoryUnavailableError):
                await todos.remove(alice, todo.id)
            assert (await user_data.remove(alice))["todos"] == 1
        assert await stored(todos, alice) == ()
