"""The limit on todos for each user: exact on every adapter, and rarely counted."""

import asyncio
import hashlib
from dataclasses import replace

import pytest

from backend.adapters.persistence.memory import InMemoryDatabase
from backend.adapters.persistence.quota import TodoQuota
from backend.container.database import choose_todos
from backend.domain.idempotency import Idempotency
from backend.domain.todo import TodoConflictError, TodoLimitReachedError
from backend.domain.todo_list import TodoQuery
from backend.domain.todo_repository import TodoRepository
from tests.adapters.auth.clock import Clock
from tests.adapters.persistence.conftest import Database
from tests.adapters.persistence.samples import a_todo

pytestmark = pytest.mark.anyio

LIMIT = 3


@pytest.fixture
def few(database: Database) -> TodoRepository:
    """A repository that stores three todos for each user."""
    return choose_todos(database, max_per_user=LIMIT)


def identified(key: str) -> Idempotency:
    return Idempotency(key=key, fingerprint=hashlib.sha256(b"milk").digest())


@pytest.mark.parametrize("with_key", [False, True])
async def test_a_user_stores_as_many_todos_as_the_limit(
    few: TodoRepository, alice: str, bob: str, with_key: bool
) -> None:
    added = [a_todo(str(minutes), minutes=-minutes) for minutes in range(LIMIT)]
    for number, todo in enumerate(added):
        key = identified(str(number)) if with_key else None
        assert await few.add(alice, todo, idempotency=key) == todo
    for _ in range(2):
        with pytest.raises(TodoLimitReachedError) as refused:
            await few.add(alice, a_todo(), idempotency=identified("new") if with_key else None)
        assert refused.value.limit == LIMIT
    assert (await few.list(alice, TodoQuery())).items == tuple(added)
    await few.add(bob, a_todo())


async def test_a_removed_todo_makes_room(few: TodoRepository, alice: str) -> None:
    added = [a_todo(str(number)) for number in range(LIMIT)]
    for todo in added:
        await few.add(alice, todo)
    await few.remove(alice, added[0].id)
    await few.add(alice, a_todo(), idempotency=identified("key"))
    with pytest.raises(TodoLimitReachedError):
        await few.add(alice, a_todo())


async def test_a_repeated_request_is_not_refused_at_the_limit(
    few: TodoRepository, alice: str
) -> None:
    first = a_todo("first")
    await few.add(alice, first, idempotency=identified("key"))
    for number in range(LIMIT - 1):
        await few.add(alice, a_todo(str(number)))
    for _ in range(2):
        assert await few.add(alice, a_todo("first"), idempotency=identified("key")) == first


async def test_a_refused_request_does_not_use_up_its_key(few: TodoRepository, alice: str) -> None:
    added = [a_todo(str(number)) for number in range(LIMIT)]
    for todo in added:
        await few.add(alice, todo)
    with pytest.raises(TodoLimitReachedError):
        await few.add(alice, a_todo(), idempotency=identified("key"))
    await few.remove(alice, added[0].id)
    new = a_todo("new")
    assert await few.add(alice, new, idempotency=identified("key")) == new


async def test_an_id_that_exists_is_a_conflict_below_the_limit(
    few: TodoRepository, alice: str
) -> None:
    todo = a_todo()
    await few.add(alice, todo)
    with pytest.raises(TodoConflictError):
        await few.add(alice, replace(todo, title="Another"))


async def test_todos_of_other_processes_count(database: Database, alice: str) -> None:
    if isinstance(database, InMemoryDatabase):
        return  # memory belongs to one repository
    first, second = (choose_todos(database, max_per_user=LIMIT) for _ in range(2))
    for number in range(LIMIT):
        await (first, second)[number % 2].add(alice, a_todo())
    for todos in (first, second):
        with pytest.raises(TodoLimitReachedError):
            await todos.add(alice, a_todo())


async def test_concurrent_requests_exceed_the_limit_by_their_number_at_most(
    few: TodoRepository, alice: str
) -> None:
    outcomes = await asyncio.gather(
        *(few.add(alice, a_todo()) for _ in range(30)), return_exceptions=True
    )
    refused = [isinstance(outcome, TodoLimitReachedError) for outcome in outcomes]
    assert LIMIT <= refused.count(False) < LIMIT + 5  # half of the connections
    with pytest.raises(TodoLimitReachedError):
        await few.add(alice, a_todo())


class TestQuota:
    def test_few_todos_are_counted_far_below_the_limit(self) -> None:
        quota, counted = TodoQuota(10_000), 0
        for count in range(1, 5_000):
            if quota.must_count("alice"):
                quota.counted("alice", count)
                counted += 1
        assert counted < 30

    def test_every_todo_is_counted_near_the_limit(self) -> None:
        quota = TodoQuota(100)
        quota.counted("alice", 90)
        assert quota.must_count("alice")

    def test_a_count_is_not_used_for_more_than_a_minute(self) -> None:
        clock = Clock()
        quota = TodoQuota(10_000, clock=clock)
        quota.counted("alice", 0)
        assert not quota.must_count("alice")
        clock.now += 61
        assert quota.must_count("alice")

    def test_the_counts_of_at_most_ten_thousand_users_are_kept(self) -> None:
        quota = TodoQuota(10_000)
        for number in range(10_001):
            quota.counted(str(number), 0)
        assert quota.must_count("0")
        assert not quota.must_count("1")
        assert not quota.must_count("10000")
