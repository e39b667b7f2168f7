"""What every adapter of `TodoRepository` promises of a request that is made again."""

import asyncio
import hashlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from backend.adapters.persistence.postgres.repository import PostgresTodoRepository
from backend.adapters.persistence.sqlite.repository import SqliteTodoRepository
from backend.domain.idempotency import REMEMBERED_FOR, Idempotency, IdempotencyKeyReusedError
from backend.domain.todo import Priority, Todo, TodoConflictError, TodoNotFoundError
from backend.domain.todo_list import TodoQuery
from backend.domain.todo_repository import TodoRepository
from tests.adapters.persistence.samples import NOW, a_todo
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio

MICROSECOND = timedelta(microseconds=1)


def known_by(key: str = "key", content: str = "milk") -> Idempotency:
    return Idempotency(key=key, fingerprint=hashlib.sha256(content.encode()).digest())


def later(todo: Todo, by: timedelta = timedelta(seconds=1)) -> Todo:
    """Return what the same request would create at a later time."""
    return Todo.create(now=todo.created_at + by, title=todo.title)


async def kept(todos: TodoRepository, user_id: str) -> tuple[Todo, ...]:
    return (await todos.list(user_id, TodoQuery(limit=100))).items


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"description": "Two litres", "completed": True, "priority": Priority.HIGH},
        {"description": "", "priority": Priority.LOW, "due_at": NOW},
    ],
)
async def test_asking_again_creates_nothing_and_gives_what_was_created(
    todos: TodoRepository, alice: str, said: dict[str, Any]
) -> None:
    todo = a_todo(**said)
    assert await todos.add(alice, todo, idempotency=known_by()) == todo
    for _ in range(3):
        assert await todos.add(alice, later(todo), idempotency=known_by()) == todo
    assert await kept(todos, alice) == (todo,)


async def test_without_a_key_asking_again_creates_again(todos: TodoRepository, alice: str) -> None:
    todo = a_todo()
    for each in (todo, later(todo)):
        assert await todos.add(alice, each) == each
    assert len(await kept(todos, alice)) == 2


@pytest.mark.parametrize(
    "keys", [("key", "Key"), ("key", " key"), (" ", "~"), ("'", '"'), ("0", "00")]
)
async def test_another_key_is_another_request(
    todos: TodoRepository, alice: str, keys: tuple[str, str]
) -> None:
    for key in keys:
        await todos.add(alice, a_todo(f"<{key}>"), idempotency=known_by(key))
    assert {todo.title for todo in await kept(todos, alice)} == {f"<{key}>" for key in keys}


async def test_the_longest_key_is_a_key_like_any(todos: TodoRepository, alice: str) -> None:
    todo = a_todo()
    for _ in range(2):
        assert await todos.add(alice, todo, idempotency=known_by("~" * 255)) == todo


async def test_another_request_by_the_same_key_is_refused_and_changes_nothing(
    todos: TodoRepository, alice: str
) -> None:
    todo = a_todo()
    await todos.add(alice, todo, idempotency=known_by(content="milk"))
    for _ in range(2):
        with pytest.raises(IdempotencyKeyReusedError):
            await todos.add(alice, a_todo("Bread"), idempotency=known_by(content="bread"))
    assert await todos.add(alice, later(todo), idempotency=known_by(content="milk")) == todo
    assert await kept(todos, alice) == (todo,)


async def test_two_users_may_use_the_same_key(todos: TodoRepository, alice: str, bob: str) -> None:
    hers, his = a_todo("Hers"), a_todo("His")
    await todos.add(alice, hers, idempotency=known_by(content="hers"))
    assert await todos.add(bob, his, idempotency=known_by(content="his")) == his
    assert await todos.add(alice, later(hers), idempotency=known_by(content="hers")) == hers
    assert await kept(todos, bob) == (his,)


async def test_asking_again_gives_what_was_created_although_it_has_changed(
    todos: TodoRepository, alice: str
) -> None:
    todo = a_todo()
    await todos.add(alice, todo, idempotency=known_by())
    changed = todo.change(now=NOW, title="Buy bread")
    await todos.save(alice, changed)
    assert await todos.add(alice, later(todo), idempotency=known_by()) == todo
    assert await kept(todos, alice) == (changed,)


async def test_asking_again_does_not_bring_back_what_was_removed(
    todos: TodoRepository, alice: str
) -> None:
    todo = a_todo()
    await todos.add(alice, todo, idempotency=known_by())
    await todos.remove(alice, todo.id)
    assert await todos.add(alice, later(todo), idempotency=known_by()) == todo
    with pytest.raises(TodoNotFoundError):
        await todos.get(alice, todo.id)


async def test_a_key_is_known_for_a_day_and_then_as_good_as_new(
    todos: TodoRepository, alice: str
) -> None:
    first = a_todo()
    await todos.add(alice, first, idempotency=known_by())
    in_time = later(first, REMEMBERED_FOR - MICROSECOND)
    assert await todos.add(alice, in_time, idempotency=known_by()) == first
    second = later(first, REMEMBERED_FOR)
    assert await todos.add(alice, second, idempotency=known_by(content="bread")) == second
    again = later(second, REMEMBERED_FOR - MICROSECOND)
    assert await todos.add(alice, again, idempotency=known_by(content="bread")) == second
    assert set(await kept(todos, alice)) == {first, second}


async def test_to_forget_a_users_key_leaves_that_of_another_user(
    todos: TodoRepository, alice: str, bob: str
) -> None:
    hers, his = a_todo(), later(a_todo())
    await todos.add(alice, hers, idempotency=known_by())
    await todos.add(bob, his, idempotency=known_by())
    await todos.add(alice, later(hers, REMEMBERED_FOR), idempotency=known_by("another"))
    assert await todos.add(bob, later(hers, REMEMBERED_FOR), idempotency=known_by()) == his


async def test_of_many_keys_whose_time_is_over_each_is_as_good_as_new(
    todos: TodoRepository, alice: str
) -> None:
    numbers = [str(number) for number in range(30)]
    for number in numbers:
        await todos.add(alice, a_todo(number), idempotency=known_by(number))
    for number in reversed(numbers):
        new = later(a_todo(number), REMEMBERED_FOR)
        assert await todos.add(alice, new, idempotency=known_by(number)) == new
    assert len(await kept(todos, alice)) == 60


async def test_a_request_that_fails_is_not_remembered(todos: TodoRepository, alice: str) -> None:
    taken = a_todo("Taken")
    await todos.add(alice, taken)
    with pytest.raises(TodoConflictError):
        await todos.add(alice, replace(taken, title="Other"), idempotency=known_by())
    other = a_todo("Other")
    assert await todos.add(alice, other, idempotency=known_by()) == other
    assert set(await kept(todos, alice)) == {taken, other}


async def test_of_many_who_ask_at_once_one_creates_and_all_get_the_same(
    todos: TodoRepository, alice: str
) -> None:
    made = [a_todo(minutes=minutes) for minutes in range(40)]
    given = await asyncio.gather(*(todos.add(alice, todo, idempotency=known_by()) for todo in made))
    (only,) = await kept(todos, alice)
    assert only in made
    assert given == [only] * 40


async def test_of_many_who_ask_at_once_when_the_time_is_over_one_creates(
    todos: TodoRepository, alice: str
) -> None:
    for number in range(8):
        await todos.add(alice, a_todo(str(number)), idempotency=known_by(str(number)))
    asked = [
        (str(number), later(a_todo(), REMEMBERED_FOR)) for number in range(8) for _ in range(6)
    ]
    given = await asyncio.gather(
        *(todos.add(alice, todo, idempotency=known_by(key)) for key, todo in asked)
    )
    first: dict[str, Todo] = {}
    for (key, _), todo in zip(asked, given, strict=True):
        assert first.setdefault(key, todo) == todo
    assert len(await kept(todos, alice)) == 16


async def test_of_many_who_ask_for_different_things_at_once_one_is_served(
    todos: TodoRepository, alice: str
) -> None:
    outcomes = await asyncio.gather(
        *(
            todos.add(alice, a_todo(str(number)), idempotency=known_by(content=str(number)))
            for number in range(20)
        ),
        return_exceptions=True,
    )
    refused = [one for one in outcomes if isinstance(one, IdempotencyKeyReusedError)]
    assert len(refused) == 19
    assert len(await kept(todos, alice)) == 1


class TestOnDatabases:
    @pytest.fixture(params=["sqlite", "postgres"])
    def url(self, request: pytest.FixtureRequest) -> str:
        url: str = request.getfixturevalue(f"{request.param}_url")
        return url

    @pytest.fixture
    async def stored(self, url: str) -> AsyncIterator[TodoRepository]:
        kind = SqliteTodoRepository if url.startswith("sqlite:") else PostgresTodoRepository
        async with kind(url) as todos:
            yield todos

    @pytest.fixture
    def keys(self, url: str, request: pytest.FixtureRequest, alice: str) -> Callable[[], set[str]]:
        """Return the keys that the database holds of Alice's."""
        statement = f"SELECT key FROM idempotency_keys WHERE user_id = '{alice}'"  # noqa: S608 - a name of the test's own

        def keys() -> set[str]:
            if url.startswith("sqlite:"):
                with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
                    return {key for (key,) in connection.execute(statement)}
            server: PostgresServer = request.getfixturevalue("postgres_server")
            return set(server.execute(statement, url).splitlines())

        return keys

    async def test_keys_whose_time_is_over_are_forgotten_a_few_at_a_time(
        self, stored: TodoRepository, keys: Callable[[], set[str]], alice: str, bob: str
    ) -> None:
        for number in range(25):
            await stored.add(alice, a_todo(), idempotency=known_by(str(number)))
        await stored.add(alice, later(a_todo()), idempotency=known_by("recent"))
        for new, left in (("one", 15), ("two", 5), ("three", 0), ("four", 0)):
            todo = later(a_todo(), REMEMBERED_FOR)
            await stored.add(bob, todo, idempotency=known_by(new))
            await stored.add(alice, todo, idempotency=known_by(new))
            assert sum(key.isdigit() for key in keys()) == left
        assert keys() == {"recent", "one", "two", "three", "four"}

    async def test_a_request_that_fails_leaves_no_key(
        self, stored: TodoRepository, keys: Callable[[], set[str]], alice: str
    ) -> None:
        taken = a_todo()
        await stored.add(alice, taken)
        with pytest.raises(TodoConflictError):
            await stored.add(alice, taken, idempotency=known_by())
        assert keys() == set()
