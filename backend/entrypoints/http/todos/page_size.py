"""The size of a page of todos: at most 1 MiB of JSON, which bounds the memory of slow clients."""

from typing import Final

from backend.domain.todo_list import TodoPage, TodoPosition, TodoSort
from backend.entrypoints.http.todos.representations import TodoResponse

PAGE_MAX_BYTES: Final = 1024 * 1024

_ITEMS_MAX_BYTES: Final = PAGE_MAX_BYTES - 4096  # the rest of the page is mostly its cursor


def shorten(page: TodoPage, sort: TodoSort, *, max_bytes: int = _ITEMS_MAX_BYTES) -> TodoPage:
    """Return the first todos of a page, with at most `max_bytes` as JSON.

    Args:
        page: The page. A todo has at most 62 KB. The first todo always stays.
        sort: The order of the list.
        max_bytes: The most bytes of the todos.
    """
    size = 0
    for count, todo in enumerate(page.items):
        response = TodoResponse.model_validate(todo)
        size += len(response.__pydantic_serializer__.to_json(response)) + 1  # and a comma
        if size > max_bytes and count > 0:
            items = page.items[:count]
            return TodoPage(items=items, next=TodoPosition.of(items[-1], sort))
    return page
