"""Concurrent requests that change or delete the same todo."""

import asyncio
from uuid import UUID

import pytest

from backend.adapters.persistence.memory import InMemoryTodoRepository
from backend.domain.todo import Todo, TodoConflictError
from backend.entrypoints.http.todos.routes import MAX_ATTEMPTS
from tests.entrypoints.http.conftest import MakeApp
from tests.entrypoints.http.todos.api import MILK, URL, path_of, send_as_ada


class YieldingTodos(InMemoryTodoRepository):
    """Lets other requests run between reading and writing."""

    async def save(self, user_id: str, todo: Todo, /) -> None:
        await asyncio.sleep(0)
        await super().save(user_id, todo)

    async def remove(self, user_id: str, todo_id: UUID, /, *, version: int | None = None) -> None:
        await asyncio.sleep(0)
        await super().remove(user_id, todo_id, version=version)


class ConflictingTodos(InMemoryTodoRepository):
    """Every save fails, as if another request had just changed the todo."""

    def __init__(self) -> None:
        super().__init__()
        self.attempts = 0

    async def save(self, user_id: str, todo: Todo, /) -> None:
        self.attempts += 1
        raise TodoConflictError(user_id)


@pytest.mark.anyio
async def test_concurrent_changes_of_different_fields_all_succeed(make_app: MakeApp) -> None:
    app = make_app(parts={"todos": YieldingTodos()})
    todo = (await send_as_ada(app, "POST", URL, {"title": "x"})).json()
    changes = {**MILK, "completed": True}
    responses = await asyncio.gather(
        *(send_as_ada(app, "PATCH", path_of(todo), {name: changes[name]}) for name in changes)
    )
    assert [response.status for response in responses] == [200] * len(changes)
    stored = (await send_as_ada(app, "GET", path_of(todo))).json()
    assert {name: stored[name] for name in changes} == changes


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("headers", "status", "attempts"),
    [
        ([], 503, MAX_ATTEMPTS),
        ([(b"if-match", b"*")], 503, MAX_ATTEMPTS),
        ([(b"if-match", b'"1"')], 412, 1),
    ],
)
async def test_a_change_that_always_conflicts_gets_an_error(
    make_app: MakeApp, headers: list[tuple[bytes, bytes]], status: int, attempts: int
) -> None:
    todos = ConflictingTodos()
    app = make_app(parts={"todos": todos})
    todo = (await send_as_ada(app, "POST", URL, {"title": "x"})).json()
    response = await send_as_ada(app, "PATCH", path_of(todo), {"completed": True}, *headers)
    assert (response.status, todos.attempts) == (status, attempts)
    assert (await send_as_ada(app, "GET", path_of(todo))).header("etag") == '"1"'


@pytest.mark.anyio
async def test_only_one_of_several_changes_of_the_same_version_succeeds(
    make_app: MakeApp,
) -> None:
    app = make_app(parts={"todos": YieldingTodos()})
    todo = (await send_as_ada(app, "POST", URL, {"title": "x"})).json()
    tag = (b"if-match", b'"1"')
    responses = await asyncio.gather(
        *(send_as_ada(app, "PATCH", path_of(todo), {"title": "y"}, tag) for _ in range(5))
    )
    assert sorted(response.status for response in responses) == [200, 412, 412, 412, 412]
    assert (await send_as_ada(app, "GET", path_of(todo))).header("etag") == '"2"'


@pytest.mark.anyio
async def test_if_match_any_deletes_a_todo_that_changes_meanwhile(make_app: MakeApp) -> None:
    app = make_app(parts={"todos": YieldingTodos()})
    todo = (await send_as_ada(app, "POST", URL, {"title": "x"})).json()
    responses = await asyncio.gather(
        send_as_ada(app, "DELETE", path_of(todo), None, (b"if-match", b"*")),
        send_as_ada(app, "PATCH", path_of(todo), {"completed": True}),
    )
    assert responses[0].status == 204


@pytest.mark.anyio
async def test_a_change_of_a_todo_that_is_deleted_meanwhile_gets_404(make_app: MakeApp) -> None:
    app = make_app(parts={"todos": YieldingTodos()})
    todo = (await send_as_ada(app, "POST", URL, {"title": "x"})).json()
    responses = await asyncio.gather(
        send_as_ada(app, "DELETE", path_of(todo)),
        send_as_ada(app, "PATCH", path_of(todo), {"title": "y"}),
    )
    assert [response.status for response in responses] == [204, 404]


@pytest.mark.anyio
async def test_a_delete_of_a_version_keeps_a_todo_that_changes_meanwhile(
    make_app: MakeApp,
) -> None:
    app = make_app(parts={"todos": YieldingTodos()})
    todo = (await send_as_ada(app, "POST", URL, {"title": "x"})).json()
    responses = await asyncio.gather(
        send_as_ada(app, "PATCH", path_of(todo), {"title": "y"}),
        send_as_ada(app, "DELETE", path_of(todo), None, (b"if-match", b'"1"')),
    )
    assert [response.status for response in responses] == [200, 412]
    assert (await send_as_ada(app, "GET", path_of(todo))).json()["title"] == "y"
