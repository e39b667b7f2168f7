"""A page of todos has at most 1 MiB: then it has fewer items, and a cursor to the rest."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from httpx2 import Client

from backend.adapters.persistence.memory import InMemoryTodoRepository
from backend.domain.todo import DESCRIPTION_MAX_LENGTH, TITLE_MAX_LENGTH, Todo
from backend.domain.todo_list import TodoSort
from backend.entrypoints.http.todos.page_size import PAGE_MAX_BYTES
from tests.entrypoints.http.conftest import START
from tests.entrypoints.http.todos.api import URL

# The bytes of each character as JSON.
CHARACTERS = {"x": 1, '"': 2, "é": 2, "\n": 2, "字": 3, "😀": 4, "\x01": 6}


def store(todos: InMemoryTodoRepository, texts: list[str]) -> list[Todo]:
    """Store a todo for each description; all have the longest possible title and due date."""
    stored = []
    for number, text in enumerate(texts):
        now = START + timedelta(seconds=number)
        title = f"{number:04}".ljust(TITLE_MAX_LENGTH, text[:1] or "x")
        todo = Todo.create(now=now, title=title, description=text, due_at=now)
        asyncio.run(todos.add("ada", todo))
        stored.append(todo)
    return stored


def pages(client: Client, **query: Any) -> Iterator[list[dict[str, Any]]]:
    """Yield the items of each page, and check its size."""
    cursor: dict[str, str] = {}
    while True:
        response = client.get(URL, params={**query, **cursor})
        assert response.status_code == 200
        assert len(response.content) <= PAGE_MAX_BYTES
        page = response.json()
        yield page["items"]
        if page["next_cursor"] is None:
            return
        assert page["items"]
        cursor = {"cursor": page["next_cursor"]}


@pytest.mark.parametrize("character", CHARACTERS)
@pytest.mark.parametrize("sort", ["title", "-created_at"])
def test_the_pages_contain_every_long_todo_once_and_in_order(
    ada: Client, todos: InMemoryTodoRepository, character: str, sort: str
) -> None:
    stored = store(todos, [character * DESCRIPTION_MAX_LENGTH] * 105)
    listed = list(pages(ada, limit=100, sort=sort))
    ids = [item["id"] for page in listed for item in page]
    expected = [str(todo.id) for todo in stored]
    assert ids == (expected if sort == "title" else expected[::-1])
    assert all(item["description"] == stored[0].description for item in listed[0])
    size = CHARACTERS[character] * (DESCRIPTION_MAX_LENGTH + TITLE_MAX_LENGTH) + 300
    assert len(listed[0]) >= min(100, PAGE_MAX_BYTES // size - 1)


@pytest.mark.parametrize("sort", TodoSort)
def test_a_cut_page_continues_in_every_order(
    ada: Client, todos: InMemoryTodoRepository, sort: TodoSort
) -> None:
    texts = ["\x01" * DESCRIPTION_MAX_LENGTH if number % 3 else "" for number in range(60)]
    stored = store(todos, texts)
    ids = [item["id"] for page in pages(ada, limit=60, sort=sort) for item in page]
    assert sorted(ids) == sorted(str(todo.id) for todo in stored)
    limited = [item["id"] for page in pages(ada, limit=7, sort=sort) for item in page]
    assert ids == limited


def test_the_last_page_may_be_cut_too(ada: Client, todos: InMemoryTodoRepository) -> None:
    store(todos, ["😀" * DESCRIPTION_MAX_LENGTH] * 30)
    listed = list(pages(ada, limit=100))
    assert [len(page) for page in listed] == [25, 5]


def test_a_page_below_the_limit_is_whole(ada: Client, todos: InMemoryTodoRepository) -> None:
    store(todos, ["x" * DESCRIPTION_MAX_LENGTH] * 100)
    assert [len(page) for page in pages(ada, limit=100)] == [100]
