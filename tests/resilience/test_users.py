"""The users of the load notice lost, foreign and repeated todos, and wrong answers."""

import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tests.resilience import users
from tests.resilience.users import Figures, GaveUpError, User

pytestmark = pytest.mark.anyio

PROBLEM = {"content-type": "application/problem+json"}


class Api:
    """A small API in memory, whose answers a test can spoil."""

    def __init__(self) -> None:
        self.todos: dict[str, dict[str, str]] = {}
        self.keys: dict[str, str] = {}
        self.forgets_keys = False
        self.spoiled: httpx2.Response | None = None  # the answer to every request
        self.unavailable = 0  # requests that get 503
        self.before_failure: Callable[[httpx2.Request], Any] = lambda _: None

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if self.unavailable:
            self.unavailable -= 1
            self.before_failure(request)
            return httpx2.Response(503, headers=PROBLEM, json={"code": "database_unavailable"})
        return self.answer(request) if self.spoiled is None else self.spoiled

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        if "authorization" not in request.headers:
            return httpx2.Response(401)
        todo_id = re.sub("^/api/todos/?", "", request.url.path)
        if request.method == "POST":
            key = request.headers["idempotency-key"]
            if key not in self.keys or self.forgets_keys:
                self.keys[key] = str(uuid.uuid4())
            title = json.loads(request.content)["title"]
            todo = self.todos.setdefault(self.keys[key], {"id": self.keys[key], "title": title})
            return httpx2.Response(201, json={**todo, "title": title})
        if not todo_id:
            items = list(self.todos.values())
            return httpx2.Response(200, json={"items": items, "next_cursor": None})
        if todo_id not in self.todos:
            return httpx2.Response(404)
        if request.method == "PATCH":
            self.todos[todo_id] |= json.loads(request.content)
        if request.method == "DELETE":
            del self.todos[todo_id]
            return httpx2.Response(204)
        return httpx2.Response(200, json=self.todos[todo_id])


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def user(api: Api, monkeypatch: pytest.MonkeyPatch) -> User:
    monkeypatch.setattr(users, "RETRY_INTERVAL", 0.0)
    monkeypatch.setattr(users, "TODOS_MAX", 5)
    client = httpx2.AsyncClient(base_url="http://api", transport=httpx2.MockTransport(api))
    return User("ada", client, lambda name: name, Figures())


async def act(user: User, count: int = 200) -> Figures:
    for _ in range(count):
        await user.act(user_without_todos(user))
    await user.read_back()
    return user.figures


def user_without_todos(user: User) -> User:
    return User("bob", user._client, user._token, user.figures)  # the same class reads it too


async def test_a_correct_api_gets_no_complaint(user: User) -> None:
    figures = await act(user)
    assert (figures.failed, figures.lost, figures.wrong) == (0, [], [])
    assert figures.requests > 100


@pytest.mark.parametrize("performed", [False, True])
async def test_requests_are_repeated_until_they_are_answered(
    api: Api, user: User, *, performed: bool
) -> None:
    if performed:
        api.before_failure = api.answer
    for _ in range(100):
        api.unavailable = 1
        await user.act(user_without_todos(user))
    await user.read_back()
    assert user.figures.failed > 50
    assert (user.figures.lost, user.figures.wrong) == ([], [])
    for method in ("GET", "POST", "PATCH", "DELETE"):
        assert user.figures.reasons[f"{method} 503 database_unavailable"]


async def test_a_lost_todo_is_noticed(api: Api, user: User) -> None:
    await act(user, 20)
    api.todos.popitem()
    await user.read_back()
    assert len(user.figures.lost) == 1


async def test_a_lost_change_is_noticed(api: Api, user: User) -> None:
    await act(user, 20)
    todo = next(iter(api.todos.values()))
    todo["title"] = f"{todo['title'].partition(' ')[0]} as before"
    await user.read_back()
    assert len(user.figures.lost) == 1


async def test_a_todo_that_exists_twice_is_noticed(api: Api, user: User) -> None:
    api.forgets_keys = True
    figures = await act(user)
    assert any("created twice" in wrong for wrong in figures.wrong)
    assert any("exists 2 times" in wrong for wrong in figures.wrong)


async def test_foreign_todos_are_noticed(api: Api, user: User) -> None:
    await act(user, 20)
    api.todos["x"] = {"id": "x", "title": "bob/1 created"}
    await user.list_todos()
    assert user.figures.wrong == ["ada sees bob/1 created"]


async def test_another_status_is_wrong(api: Api, user: User) -> None:
    await act(user, 20)
    api.spoiled = httpx2.Response(500, text="oops")
    await user.read_back()
    assert user.figures.wrong == ["GET /api/todos: 500 oops"]


async def test_a_user_gives_up_after_a_time_without_an_answer(
    api: Api, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users, "GIVE_UP", 0.0)
    api.unavailable = 1000
    with pytest.raises(GaveUpError):
        await user.list_todos()
