"""Lists, for all adapters: the statement for each order, and the end of a page."""

from collections.abc import Mapping, Sequence

from backend.domain.todo import Todo
from backend.domain.todo_list import TodoPage, TodoPosition, TodoQuery, TodoSort


def list_statements(
    template: str, *, columns: Sequence[str], after: str, due_at: str
) -> Mapping[tuple[TodoSort, bool], str]:
    """Write a static statement for each order, from its start and after a position.

    Args:
        template: The statement, with `{columns}`, `{after}`, `{key}` and `{direction}`.
        columns: The columns to select.
        after: The condition for todos after a position, with `{key}` and `{comparison}`.
        due_at: The expression that sorts by due date, written exactly as in its index.

    Returns:
        The statements by order and by whether they start after a position.
    """

    def statement(sort: TodoSort, positioned: bool) -> str:
        key = due_at if sort.field == "due_at" else sort.field
        comparison, direction = ("<", "DESC") if sort.descending else (">", "ASC")
        return template.format(
            columns=", ".join(columns),
            after=after.format(key=key, comparison=comparison) if positioned else "",
            key=key,
            direction=direction,
        )

    return {
        (sort, positioned): statement(sort, positioned)
        for sort in TodoSort
        for positioned in (False, True)
    }


def page(todos: Sequence[Todo], query: TodoQuery) -> TodoPage:
    """Make a page.

    Args:
        todos: The todos from the start of the page, in order: up to `query.limit + 1` of them.
        query: The query for the page.
    """
    items = tuple(todos[: query.limit])
    more = len(todos) > query.limit
    return TodoPage(items=items, next=TodoPosition.of(items[-1], query.sort) if more else None)
