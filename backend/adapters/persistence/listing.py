"""What the adapters share of a list: its orders, and where a page ends."""

from collections.abc import Mapping, Sequence
from typing import Final

from backend.domain.todo import Todo, TodoPage, TodoPosition, TodoQuery, TodoSort

# In both databases the expression that the index is on, to the letter.
_KEYS: Final = {
    "created_at": "created_at",
    "due_at": "COALESCE(due_at, '9999-12-31T23:59:59.999999+00:00')",
    "priority": "priority",
    "title": "title",
}


def statements(template: str, behind: str) -> Mapping[tuple[TodoSort, bool], str]:
    """Write out one static statement for every order, from its start and from a position on.

    Args:
        template: The statement, with `{behind}`, `{key}` and `{direction}` left open.
        behind: The condition that a position adds, with `{key}` and `{comparison}` left open.

    Returns:
        The statements by order, and whether they start behind a position.
    """
    return {
        (sort, positioned): template.format(
            behind=behind.format(key=_KEYS[sort.field], comparison="<" if sort.descending else ">")
            if positioned
            else "",
            key=_KEYS[sort.field],
            direction="DESC" if sort.descending else "ASC",
        )
        for sort in TodoSort
        for positioned in (False, True)
    }


def page(todos: Sequence[Todo], query: TodoQuery) -> TodoPage:
    """Cut one page.

    Args:
        todos: What the page starts with, in order; one more than its limit, if there are as many.
        query: What was asked for.
    """
    items = tuple(todos[: query.limit])
    more = len(todos) > query.limit
    return TodoPage(items=items, next=TodoPosition.of(items[-1], query.sort) if more else None)
