"""Lists of todos: sort orders, positions and queries."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from backend.domain.todo import TITLE_MAX_LENGTH, Priority, Todo
from backend.domain.todo_list import (
    NEVER_DUE,
    InvalidTodoQueryError,
    TodoPosition,
    TodoQuery,
    TodoSort,
)

NOW = datetime(2026, 3, 4, 5, 6, 7, 891_000, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
EARLIEST_EAST = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
LATEST_WEST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-14)))
NAIVE = NOW.replace(tzinfo=None)


def new_todo(**fields: Any) -> Todo:
    return Todo.create(now=NOW, title="Buy milk", **fields)


@pytest.mark.parametrize("sort", TodoSort)
def test_every_sort_order_has_a_field_and_a_direction(sort: TodoSort) -> None:
    assert sort.value == ("-" if sort.descending else "") + sort.field
    assert sort.field in Todo.__dataclass_fields__


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        (TodoSort.CREATED_AT, NOW),
        (TodoSort.DUE_AT, LATER),
        (TodoSort.PRIORITY_DESC, 2),
        (TodoSort.TITLE, "Buy milk"),
    ],
)
def test_the_position_of_a_todo_is_its_sort_key_and_its_id(sort: TodoSort, key: object) -> None:
    todo = new_todo(due_at=LATER, priority=Priority.HIGH)
    position = TodoPosition.of(todo, sort)
    assert (position.key, position.id) == (key, todo.id)


def test_a_todo_without_a_due_date_sorts_after_all_others() -> None:
    assert TodoPosition.of(new_todo(), TodoSort.DUE_AT).key == NEVER_DUE


def test_a_query_lists_the_newest_first_by_default() -> None:
    query = TodoQuery()
    assert (query.limit, query.sort, query.after) == (20, TodoSort.CREATED_AT_DESC, None)
    assert (query.completed, query.priority, query.due_before, query.q) == (None,) * 4


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("q", "a\0b"),
        ("q", "\ud800"),
        ("q", "x" * (TITLE_MAX_LENGTH + 1)),
        ("due_before", NAIVE),
        ("due_before", EARLIEST_EAST),
        ("due_before", LATEST_WEST),
    ],
)
def test_a_query_rejects_invalid_filters(field: str, value: Any) -> None:
    with pytest.raises(InvalidTodoQueryError) as failure:
        TodoQuery(**{field: value})
    assert failure.value.field == field
    assert failure.value.problem in str(failure.value)


def test_an_invalid_query_is_not_a_todo_error() -> None:
    assert InvalidTodoQueryError.__bases__ == (Exception,)


def test_a_query_compares_due_dates_in_utc() -> None:
    local = datetime(2026, 5, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert TodoQuery(due_before=local).due_before == local
    assert str(TodoQuery(due_before=local).due_before) == "2026-04-30 23:30:00+00:00"
