"""GET /api/todos: order, pages, filters and cursors."""

import asyncio
import base64
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx2 import Client

from backend.adapters.persistence.memory import InMemoryTodoRepository
from backend.domain.todo import TITLE_MAX_LENGTH, Priority, Todo
from backend.domain.todo_list import NEVER_DUE, PAGE_MAX_LENGTH, TodoSort
from tests.entrypoints.http.conftest import START, Clock
from tests.entrypoints.http.todos.api import URL, add, invalid_fields, path_of, titles


@pytest.fixture
def many(todos: InMemoryTodoRepository) -> list[Todo]:
    """Twelve todos of the caller. Every sort key occurs more than once."""
    soon = START + timedelta(days=1)
    stored = [
        Todo.create(
            now=START + timedelta(seconds=number // 2),
            title="abc"[number % 3] * (1 + number % 2),
            description=None if number % 2 else "Über Größe",
            completed=number % 4 == 0,
            priority=list(Priority)[number % 3],
            due_at=None if number % 3 == 0 else soon + timedelta(hours=number % 2),
        )
        for number in range(12)
    ]
    for todo in stored:
        asyncio.run(todos.add("ada", todo))
    return stored


SORT_KEYS: dict[str, Callable[[Todo], Any]] = {
    "created_at": lambda todo: todo.created_at,
    "due_at": lambda todo: todo.due_at or NEVER_DUE,
    "priority": lambda todo: todo.priority.rank,
    "title": lambda todo: todo.title,
}


def pages(client: Client, **query: Any) -> Iterator[list[UUID]]:
    """Yield the ids of each page of a list."""
    cursor: dict[str, str] = {}
    while True:
        page = client.get(URL, params={**query, **cursor}).json()
        yield [UUID(todo["id"]) for todo in page["items"]]
        if page["next_cursor"] is None:
            return
        cursor = {"cursor": page["next_cursor"]}


@pytest.mark.parametrize("limit", [1, 5, 6, 12])
@pytest.mark.parametrize("sort", TodoSort)
def test_the_pages_contain_every_todo_once_and_in_order(
    ada: Client, many: list[Todo], sort: TodoSort, limit: int
) -> None:
    def key(todo: Todo) -> tuple[Any, UUID]:
        return SORT_KEYS[sort.field](todo), todo.id

    ids = list(pages(ada, sort=sort, limit=limit))
    expected = [todo.id for todo in sorted(many, key=key, reverse=sort.descending)]
    assert [todo_id for page in ids for todo_id in page] == expected
    assert {len(page) for page in ids[:-1]} <= {limit}
    assert ids[-1] != []


def test_the_default_is_the_newest_twenty(ada: Client, clock: Clock) -> None:
    for number in range(21):
        add(ada, str(number))
        clock.advance(seconds=1)
    assert titles(ada) == [str(number) for number in range(20, 0, -1)]


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ({"completed": "true"}, lambda todo: todo.completed),
        ({"completed": "false"}, lambda todo: not todo.completed),
        ({"priority": "high"}, lambda todo: todo.priority is Priority.HIGH),
        (
            {"due_before": "2026-03-05T05:36:07Z"},
            lambda todo: todo.due_at == START + timedelta(days=1),
        ),
        (
            {"due_before": "2026-03-05T07:06:07+01:00"},
            lambda todo: todo.due_at == START + timedelta(days=1),
        ),
        ({"due_before": "0001-01-01T00:00:00Z"}, lambda _: False),
        ({"due_before": "9999-12-31T23:59:59.999999Z"}, lambda todo: todo.due_at is not None),
        ({"q": "BB"}, lambda todo: "bb" in todo.title),
        ({"q": "über GRÖSSE"}, lambda todo: todo.description is not None),
        ({"q": "%"}, lambda _: False),
        ({"q": "_"}, lambda _: False),
        (
            {"q": "a", "completed": "true", "priority": "low"},
            lambda todo: "a" in todo.title and todo.completed and todo.priority is Priority.LOW,
        ),
    ],
)
def test_a_filter_returns_the_matching_todos(
    ada: Client, many: list[Todo], query: dict[str, str], matches: Callable[[Todo], bool]
) -> None:
    expected = {todo.id for todo in many if matches(todo)}
    assert {todo_id for page in pages(ada, limit=2, **query) for todo_id in page} == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "-1"),
        ("limit", str(PAGE_MAX_LENGTH + 1)),
        ("limit", "9" * 5000),
        ("limit", "ten"),
        ("limit", "1.5"),
        ("limit", ""),
        ("limit", "NaN"),
        ("sort", "user_id"),
        ("sort", "--title"),
        ("sort", "title,id"),
        ("sort", "TITLE"),
        ("sort", ""),
        ("completed", "maybe"),
        ("completed", ""),
        ("priority", "urgent"),
        ("due_before", "2026-03-05T18:00:00"),
        ("due_before", "2026-03-05"),
        ("due_before", "1700000000"),
        ("due_before", "0001-01-01T00:00:00+14:00"),
        ("due_before", "9999-12-31T23:59:59-14:00"),
        ("due_before", ""),
        ("q", ""),
        ("q", "\0"),
        ("q", "a\0b"),
        ("q", "x" * (TITLE_MAX_LENGTH + 1)),
        ("cursor", ""),
        ("cursor", "x"),
        ("cursor", "\0"),
        ("cursor", "é"),
        ("cursor", "x" * 5000),
        ("cursor", base64.urlsafe_b64encode(b"[" * 2500).decode()),
        ("user_id", "bob"),
        ("Limit", "1"),
        ("offset", "1"),
    ],
)
def test_an_invalid_or_unknown_parameter_is_reported(ada: Client, name: str, value: str) -> None:
    assert invalid_fields(ada.get(URL, params={name: value})) == {name}


@pytest.mark.parametrize("query", ["limit=1&limit=2", "q=a&completed=true&q=a", "x=1&x=1"])
def test_a_repeated_parameter_is_reported(ada: Client, query: str) -> None:
    response = ada.get(f"/api/todos?{query}")
    assert (response.status_code, response.json()["errors"]) == (
        422,
        [{"field": query[: query.index("=")], "detail": "must be sent only once"}],
    )


def test_bytes_that_are_not_utf_8_become_replacement_characters(ada: Client) -> None:
    add(ada)
    assert ada.get(f"{URL}?q=%ff%fe").json()["items"] == []
    assert invalid_fields(ada.get(f"{URL}?sort=%ff")) == {"sort"}
    assert invalid_fields(ada.get(f"{URL}?%00=1")) == {"\0"}


@pytest.mark.parametrize(
    "other",
    [
        {"sort": "-title"},
        {"sort": "-created_at"},
        {"completed": "false"},
        {"priority": "low"},
        {"due_before": "9999-01-01T00:00:00Z"},
        {"q": "a"},
    ],
)
def test_a_cursor_of_another_list_is_reported(
    ada: Client, many: list[Todo], other: dict[str, str]
) -> None:
    cursor = ada.get(URL, params={"limit": 1, "sort": "title"}).json()["next_cursor"]
    params = {"sort": "title", **other, "cursor": cursor}
    assert invalid_fields(ada.get(URL, params=params)) == {"cursor"}
    assert len(titles(ada, cursor=cursor, sort="title", limit=100)) == len(many) - 1


def test_the_notation_of_a_filter_may_change_between_pages(ada: Client, many: list[Todo]) -> None:
    params = {"due_before": "2027-01-01T01:00:00+01:00", "completed": "no", "limit": "1"}
    cursor = ada.get(URL, params=params).json()["next_cursor"]
    equivalent = {"due_before": "2027-01-01t00:00:00Z", "completed": "false", "cursor": cursor}
    assert titles(ada, **equivalent)


def test_a_manipulated_cursor_is_reported(ada: Client, many: list[Todo]) -> None:
    cursor = ada.get(URL, params={"limit": 1}).json()["next_cursor"]
    for index, character in enumerate(cursor):
        replacement = "A" if character != "A" else "B"
        manipulated = cursor[:index] + replacement + cursor[index + 1 :]
        assert invalid_fields(ada.get(URL, params={"cursor": manipulated})) == {"cursor"}
        assert invalid_fields(ada.get(URL, params={"cursor": cursor[:index]})) == {"cursor"}


def test_the_pages_contain_every_todo_once_while_todos_are_added(
    ada: Client, many: list[Todo], clock: Clock
) -> None:
    ids: list[UUID] = []
    for page in pages(ada, limit=3, sort="title"):
        ids += page
        clock.advance(seconds=1)
        for title in ("a", "b", "zz"):
            add(ada, title)
    assert len(ids) == len(set(ids))
    assert {todo.id for todo in many} <= set(ids)


def test_pages_do_not_shift_when_todos_are_added_and_deleted(
    ada: Client, many: list[Todo], clock: Clock
) -> None:
    first = ada.get(URL, params={"limit": 4}).json()
    clock.advance(minutes=1)
    add(ada, "new")
    ada.delete(path_of(first["items"][3]))
    rest = ada.get(URL, params={"limit": 100, "cursor": first["next_cursor"]}).json()
    assert len(rest["items"]) == len(many) - 4
    assert rest["next_cursor"] is None


def test_a_todo_has_the_same_representation_in_a_list(ada: Client) -> None:
    todo = add(ada, description="d", priority="high", due_at="2026-05-06T07:08:09.123456+02:00")
    assert ada.get("/api/todos").json() == {"items": [todo], "next_cursor": None}
