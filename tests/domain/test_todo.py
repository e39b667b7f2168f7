"""What a todo may be, how it changes, and where it stands in a list."""

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.todo import (
    DESCRIPTION_MAX_LENGTH,
    TITLE_MAX_LENGTH,
    InvalidTodoError,
    Priority,
    Todo,
    TodoConflictError,
    TodoError,
    TodoNotFoundError,
    uuid7,
)
from backend.domain.todo_list import NEVER_DUE, TodoPosition, TodoQuery, TodoSort
from backend.domain.todo_repository import RepositoryUnavailableError

NOW = datetime(2026, 3, 4, 5, 6, 7, 891_000, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
EARLIEST_EAST = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
LATEST_WEST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-14)))
NAIVE = NOW.replace(tzinfo=None)

LONG_TITLE = "x" * (TITLE_MAX_LENGTH + 1)
LONG_DESCRIPTION = "x" * (DESCRIPTION_MAX_LENGTH + 1)


def made(**said: Any) -> Todo:
    return Todo.create(now=NOW, **{"title": "Buy milk", **said})


def test_a_new_todo_is_open_and_matters_as_much_as_any_other() -> None:
    todo = made()
    assert (todo.title, todo.description, todo.completed) == ("Buy milk", None, False)
    assert (todo.priority, todo.due_at, todo.version) == (Priority.NORMAL, None, 1)
    assert todo.created_at == todo.updated_at == NOW


def test_a_todo_cannot_be_changed_in_place() -> None:
    todo = made()
    with pytest.raises(FrozenInstanceError):
        todo.title = "Buy oat milk"  # type: ignore[misc]  # the very thing that must fail
    assert not hasattr(todo, "__dict__")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", " \t\n\u2003"),
        ("title", LONG_TITLE),
        ("title", "milk\0bread"),
        ("title", "milk \ud800"),
        ("description", LONG_DESCRIPTION),
        ("description", "\0"),
        ("description", "\udfff"),
        ("due_at", NAIVE),
        ("due_at", EARLIEST_EAST),
        ("due_at", LATEST_WEST),
    ],
)
def test_a_todo_keeps_the_rules_from_its_birth_on(field: str, value: object) -> None:
    with pytest.raises(InvalidTodoError) as born:
        made(**{field: value})
    with pytest.raises(InvalidTodoError) as changed:
        made().change(now=LATER, **{field: value})
    for failure in (born, changed):
        assert failure.value.field == field
        assert failure.value.problem in str(failure.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "x"),
        ("title", LONG_TITLE[:-1]),
        ("title", "🥛" * TITLE_MAX_LENGTH),
        ("description", ""),
        ("description", LONG_DESCRIPTION[:-1]),
        ("description", "two\nlines"),
        ("completed", True),
        ("priority", Priority.HIGH),
        ("due_at", datetime.min.replace(tzinfo=UTC)),
        ("due_at", NEVER_DUE),
    ],
)
def test_a_todo_may_say_all_that_the_rules_allow(field: str, value: object) -> None:
    assert getattr(made(**{field: value}), field) == value


def test_a_due_date_is_kept_in_utc() -> None:
    local = datetime(2026, 5, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    due_at = made(due_at=local).due_at
    assert due_at is not None
    assert due_at.isoformat() == "2026-04-30T23:30:00+00:00"


def test_a_change_makes_the_next_version_and_leaves_the_rest() -> None:
    todo = made(description="two litres", priority=Priority.HIGH, due_at=LATER)
    changed = todo.change(now=LATER, completed=True, due_at=None)
    assert (changed.completed, changed.due_at) == (True, None)
    assert (changed.title, changed.description) == ("Buy milk", "two litres")
    assert changed.priority is Priority.HIGH
    assert (changed.id, changed.created_at) == (todo.id, NOW)
    assert (changed.updated_at, changed.version) == (LATER, 2)
    assert (todo.version, todo.completed) == (1, False)


def test_a_search_ignores_case_and_looks_into_the_description() -> None:
    assert made(title="STRASSE", description="Über").search_text == "strasse\nüber"
    assert "STRASSE".casefold() in made(title="Große Straße").search_text
    assert made().search_text == "buy milk\n"


def test_priorities_rise() -> None:
    assert [priority.rank for priority in Priority] == [0, 1, 2]
    assert Priority.LOW.rank < Priority.NORMAL.rank < Priority.HIGH.rank


@pytest.mark.parametrize("sort", TodoSort)
def test_every_order_names_a_field_and_a_direction(sort: TodoSort) -> None:
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
def test_a_todos_position_is_its_sort_key_and_its_id(sort: TodoSort, key: object) -> None:
    todo = made(due_at=LATER, priority=Priority.HIGH)
    position = TodoPosition.of(todo, sort)
    assert (position.key, position.id) == (key, todo.id)


def test_without_a_due_date_is_due_after_all_others() -> None:
    assert TodoPosition.of(made(), TodoSort.DUE_AT).key == NEVER_DUE


def test_a_query_without_wishes_lists_the_newest_first() -> None:
    query = TodoQuery()
    assert (query.limit, query.sort, query.after) == (20, TodoSort.CREATED_AT_DESC, None)
    assert (query.completed, query.priority, query.due_before, query.q) == (None,) * 4


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("q", "a\0b"),
        ("q", "\ud800"),
        ("q", LONG_TITLE),
        ("due_before", NAIVE),
        ("due_before", EARLIEST_EAST),
        ("due_before", LATEST_WEST),
    ],
)
def test_a_query_refuses_what_no_todo_can_match(field: str, value: Any) -> None:
    with pytest.raises(InvalidTodoError) as failure:
        TodoQuery(**{field: value})
    assert failure.value.field == field


def test_a_query_compares_due_dates_in_utc() -> None:
    local = datetime(2026, 5, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert TodoQuery(due_before=local).due_before == local
    assert str(TodoQuery(due_before=local).due_before) == "2026-04-30 23:30:00+00:00"


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 12, 31)))  # noqa: DTZ001 - UTC follows
def test_an_id_is_a_uuid_version_7_of_its_time(moment: datetime) -> None:
    now = moment.replace(tzinfo=UTC)
    made = uuid7(now)
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    stated = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=made.int >> 80)
    assert timedelta(0) <= now - stated < timedelta(milliseconds=1)


def test_ids_sort_by_their_time() -> None:
    moments = [NOW + timedelta(milliseconds=step) for step in range(200)]
    ids = [uuid7(moment) for moment in moments]
    assert ids == sorted(ids)
    assert [str(one) for one in ids] == sorted(str(one) for one in ids)


def test_ids_of_one_moment_differ_in_every_random_bit() -> None:
    ids = [uuid7(NOW).int for _ in range(400)]
    assert len(set(ids)) == 400
    differing = 0
    for one in ids:
        differing |= one ^ ids[0]
    assert differing == ((1 << 12) - 1) << 64 | (1 << 62) - 1


def test_errors_of_todos_and_outages_are_kept_apart() -> None:
    for kind in (InvalidTodoError, TodoNotFoundError, TodoConflictError):
        assert issubclass(kind, TodoError)
    assert RepositoryUnavailableError.__bases__ == (Exception,)
    assert RepositoryUnavailableError("down").retry_after == 1.0
    assert RepositoryUnavailableError("down", retry_after=3).retry_after == 3
