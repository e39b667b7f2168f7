"""What the adapters share of a list: its orders, and where a page ends."""

from collections.abc import Mapping, Sequence

from backend.domain.todo import Todo
from backend.domain.todo_list import TodoPage, TodoPosition, TodoQuery, TodoSort


def statements(template: str, *, behind: str, due: str) -> Mapping[tuple[TodoSort, bool], str]:
    """Write out one static statement for every order, from its start and from a position on.

    Args:
        template: The statement, with `{behind}`, `{key}` and `{direction}` left open.
        behind: The condition that a position adds, with `{key}` and `{comparison}` left open.
        due: The due date, or the time that stands for none; to the letter as in its index.

    Returns:
        The statements by order, and whether they start behind a position.
    """

    def statement(sort: TodoSort, positioned: bool) -> str:
        key = due if sort.field == "due_at" else sort.field
        comparison, direction = ("<", "DESC") if sort.descending else (">", "ASC")
        condition = behind.format(key=key, comparison=comparison) if positioned else ""
        return template.format(behind=condition, key=key, direction=direction)

    return {
        (sort, positioned): statement(sort, positioned)
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
