"""The contract of `TodoRepository.add` for repeated requests, which every adapter keeps."""

import asyncio
import hashlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from backend.domain.idempotency import REMEMBERED_FOR, Idempotency, IdempotencyKeyReusedError
from backend.domain.todo import Priority, Todo, TodoConflictError, TodoNotFoundError
from backend.domain.todo_list import TodoQuery
from backend.domain.todo_repository import TodoRepository
from tests.adapters.persistence.databases import open_todos
from tests.adapters.persistence.samples import EVERY_FIELD, NOW, a_todo
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio

MICROSECOND = timedelta(microseconds=1)


def identified(key: str = "key", content: str = "milk") -> Idempotency:
    return Idempotency(key=key, fingerprint=hashlib.sha256(content.encode()).digest())


def later(todo: Todo, by: timedelta = timedelta(seconds=1)) -> Todo:
    """Return the todo that the same request would create at a later time."""
    return Todo.create(now=todo.created_at + by, title=todo.title)


async def stored(todos: TodoRepository, user_id: str) -> tuple[Todo, ...]:
    return (await todos.list(user_id, TodoQuery(limit=100))).items


@pytest.mark.parametrize(
    "fields",
    [
        {},
        EVERY_FIELD,
        {"description": "Two litres", "completed": True, "priority": Priority.HIGH},
        {"description": "", "priority": Priority.LOW, "due_at": NOW},
    ],
)
async def test_a_repeated_request_returns_the_first_todo_and_creates_nothing(
    todos: TodoRepository, alice: str, fields: dict[str, Any]
) -> None:
    todo = a_todo(**fields)
    assert await todos.add(alice, todo, idempotency=identified()) == todo
    for _ in range(3):
        assert await todos.add(alice, later(todo), idempotency=identified()) == todo
    assert await stored(todos, alice) == (todo,)


async def test_a_repeated_request_without_a_key_creates_another_todo(
    todos: TodoRepository, alice: str
) -> None:
    todo = a_todo()
    for new in (todo, later(todo)):
        assert await todos.add(alice, new) == new
    assert len(await stored(todos, alice)) == 2


@pytest.mark.parametrize(
    "keys", [("key", "Key"), ("key", " key"), (" ", "~"), ("'", '"'), ("0", "00")]
)
async def test_a_request_with_another_key_creates_another_todo(
    todos: TodoRepository, alice: str, keys: tuple[str, str]
) -> None:
    for key in keys:
        await todos.add(alice, a_todo(f"<{key}>"), idempotency=identified(key))
    assert {todo.title for todo in await stored(todos, alice)} == {f"<{key}>" for key in keys}


async def test_the_longest_key_works_like_any_other(todos: TodoRepository, alice: str) -> None:
    todo = a_todo()
    for _ in range(2):
        assert await todos.add(alice, todo, idempotency=identified("~" * 255)) == todo


async def test_a_different_request_with_the_same_key_is_refused_and_changes_nothing(
    todos: TodoRepository, alice: str
) -> None:
    todo = a_todo()
    await todos.add(alice, todo, idempotency=identified(content="milk"))
    for _ in range(2):
        with pytest.raises(IdempotencyKeyReusedError):
            await todos.add(alice, a_todo("Bread"), idempotency=identified(content="bread"))
    assert await todos.add(alice, later(todo), idempotency=identified(content="milk")) == todo
    assert await stored(todos, alice) == (todo,)


async def test_two_users_may_use_the_same_key(todos: TodoRepository, alice: str, bob: str) -> None:
    hers, his = a_todo("Hers"), a_todo("His")
    await todos.add(alice, hers, idempotency=identified(content="hers"))
    assert await todos.add(bob, his, idempotency=identified(content="his")) == his
    assert await todos.add(alice, later(hers), idempotency=identified(content="hers")) == hers
    assert await stored(todos, bob) == (his,)


async def test_a_repeated_request_returns_the_todo_as_it_was_created(
    todos: TodoRepository, alice: str
) -> None:
    todo = a_todo()
    await todos.add(alice, todo, idempotency=identified())
    changed = todo.change(now=NOW, title="Buy bread")
    await todos.save(alice, changed)
    assert await todos.add(alice, later(todo), idempotency=identified()) == todo
    assert await stored(todos, alice) == (changed,)


async def test_a_repeated_request_does_not_restore_a_removed_todo(
    todos: TodoRepository, alice: str
) -> None:
    todo = a_todo()
    await todos.add(alice, todo, idempotency=identified())
    await todos.remove(alice, todo.id)
    assert await todos.add(alice, later(todo), idempotency=identified()) == todo
    with pytest.raises(TodoNotFoundError):
        await todos.get(alice, todo.id)


async def test_a_key_expires_after_a_day_and_can_be_used_again(
    todos: TodoRepository, alice: str
) -> None:
    first = a_todo()
    await todos.add(alice, first, idempotency=identified())
    in_time = later(first, REMEMBERED_FOR - MICROSECOND)
    assert await todos.add(alice, in_time, idempotency=identified()) == first
    second = later(first, REMEMBERED_FOR)
    assert await todos.add(alice, second, idempotency=identified(content="bread")) == second
    again = later(second, REMEMBERED_FOR - MICROSECOND)
    assert await todos.add(alice, again, idempotency=identified(content="bread")) == second
    assert set(await stored(todos, alice)) == {first, second}


async def test_deleting_expired_keys_keeps_those_of_other_users(
    todos: TodoRepository, alice: str, bob: str
) -> None:
    hers, his = a_todo(), later(a_todo())
    await todos.add(alice, hers, idempotency=identified())
    await todos.add(bob, his, idempotency=identified())
    await todos.add(alice, later(hers, REMEMBERED_FOR), idempotency=identified("another"))
    assert await todos.add(bob, later(hers, REMEMBERED_FOR), idempotency=identified()) == his


async def test_every_expired_key_can_be_used_again(todos: TodoRepository, alice: str) -> None:
    numbers = [str(number) for number in range(30)]
    for number in numbers:
        await todos.add(alice, a_todo(number), idempotency=identified(number))
    for number in reversed(numbers):
        new = later(a_todo(number), REMEMBERED_FOR)
        assert await todos.add(alice, new, idempotency=identified(number)) == new
    assert len(await stored(todos, alice)) == 60


async def test_a_failed_request_does_not_use_up_its_key(todos: TodoRepository, alice: str) -> None:
    taken = a_todo("Taken")
    await todos.add(alice, taken)
    with pytest.raises(TodoConflictError):
        await todos.add(alice, replace(taken, title="Other"), idempotency=identified())
    other = a_todo("Other")
    assert await todos.add(alice, other, idempotency=identified()) == other
    assert set(await stored(todos, alice)) == {taken, other}


async def test_concurrent_requests_with_the_same_key_create_one_todo_and_all_return_it(
    todos: TodoRepository, alice: str
) -> None:
    new = [a_todo(minutes=minutes) for minutes in range(40)]
    returned = await asyncio.gather(
        *(todos.add(alice, todo, idempotency=identified()) for todo in new)
    )
    (only,) = await stored(todos, alice)
    assert only in new
    assert returned == [only] * 40


async def test_concurrent_requests_with_an_expired_key_create_one_todo(
    todos: TodoRepository, alice: str
) -> None:
    for number in range(8):
        await todos.add(alice, a_todo(str(number)), idempotency=identified(str(number)))
    requests = [
        (str(number), later(a_todo(), REMEMBERED_FOR)) for number in range(8) for _ in range(6)
    ]
    returned = await asyncio.gather(
        *(todos.add(alice, todo, idempotency=identified(key)) for key, todo in requests)
    )
    first: dict[str, Todo] = {}
    for (key, _), todo in zip(requests, returned, strict=True):
        assert first.setdefault(key, todo) == todo
    assert len(await stored(todos, alice)) == 16


async def test_one_of_many_different_requests_with_the_same_key_succeeds(
    todos: TodoRepository, alice: str
) -> None:
    outcomes = await asyncio.gather(
        *(
            todos.add(alice, a_todo(str(number)), idempotency=identified(content=str(number)))
            for number in range(20)
        ),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes].count(IdempotencyKeyReusedError) == 19
    assert len(await stored(todos, alice)) == 1


class TestStoredKeys:
    @pytest.fixture(params=["sqlite", "postgres"])
    def url(self, request: pytest.FixtureRequest) -> str:
        url: str = request.getfixturevalue(f"{request.param}_url")
        return url

    @pytest.fixture
    async def own_todos(self, url: str) -> AsyncIterator[TodoRepository]:
        async with open_todos(url) as todos:
            yield todos

    @pytest.fixture
    def keys(self, url: str, request: pytest.FixtureRequest, alice: str) -> Callable[[], set[str]]:
        """Return a function that returns the keys which the database stores for Alice."""
        statement = f"SELECT key FROM idempotency_keys WHERE user_id = '{alice}'"  # noqa: S608 - the id of this test

        def keys() -> set[str]:
            if url.startswith("sqlite:"):
                with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
                    return {key for (key,) in connection.execute(statement)}
            server: PostgresServer = request.getfixturevalue("postgres_server")
            return set(server.execute(statement, url).splitlines())

        return keys

    async def test_expired_keys_are_deleted_a_few_at_a_time(
        self, own_todos: TodoRepository, keys: Callable[[], set[str]], alice: str, bob: str
    ) -> None:
        for number in range(25):
            await own_todos.add(alice, a_todo(), idempotency=identified(str(number)))
        await own_todos.add(alice, later(a_todo()), idempotency=identified("recent"))
        for new, remaining in (("one", 15), ("two", 5), ("three", 0), ("four", 0)):
            todo = later(a_todo(), REMEMBERED_FOR)
            await own_todos.add(bob, todo, idempotency=identified(new))
            await own_todos.add(alice, todo, idempotency=identified(new))
            assert sum(key.isdigit() for key in keys()) == remaining
        assert keys() == {"recent", "one", "two", "three", "four"}

    async def test_a_failed_request_stores_no_key(
        self, own_todos: TodoRepository, keys: Callable[[], set[str]], alice: str
    ) -> None:
        existing = a_todo()
        await own_todos.add(alice, existing)
        with pytest.raises(TodoConflictError):
            await own_todos.add(alice, existing, idempotency=identified())
        assert keys() == set()
