"""The rules of a todo, its changes and its id."""

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.search import search_key
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
from backend.domain.todo_repository import RepositoryUnavailableError

NOW = datetime(2026, 3, 4, 5, 6, 7, 891_000, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
EARLIEST_EAST = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
LATEST_WEST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-14)))
NAIVE = NOW.replace(tzinfo=None)

LONG_TITLE = "x" * (TITLE_MAX_LENGTH + 1)
LONG_DESCRIPTION = "x" * (DESCRIPTION_MAX_LENGTH + 1)


def new_todo(**fields: Any) -> Todo:
    return Todo.create(now=NOW, **{"title": "Buy milk", **fields})


def test_a_new_todo_is_open_and_has_normal_priority() -> None:
    todo = new_todo()
    assert (todo.title, todo.description, todo.completed) == ("Buy milk", None, False)
    assert (todo.priority, todo.due_at, todo.version) == (Priority.NORMAL, None, 1)
    assert todo.created_at == todo.updated_at == NOW


def test_a_todo_is_immutable() -> None:
    todo = new_todo()
    with pytest.raises(FrozenInstanceError):
        todo.title = "Buy oat milk"  # type: ignore[misc]  # this assignment must fail
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
def test_the_rules_apply_to_creation_and_to_changes(field: str, value: object) -> None:
    with pytest.raises(InvalidTodoError) as at_creation:
        new_todo(**{field: value})
    with pytest.raises(InvalidTodoError) as at_change:
        new_todo().change(now=LATER, **{field: value})
    for failure in (at_creation, at_change):
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
        ("due_at", datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_valid_values_are_stored_unchanged(field: str, value: object) -> None:
    assert getattr(new_todo(**{field: value}), field) == value


def test_a_due_date_is_converted_to_utc() -> None:
    local = datetime(2026, 5, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    due_at = new_todo(due_at=local).due_at
    assert due_at is not None
    assert due_at.isoformat() == "2026-04-30T23:30:00+00:00"


def test_a_change_returns_the_next_version_and_keeps_the_other_fields() -> None:
    todo = new_todo(description="two litres", priority=Priority.HIGH, due_at=LATER)
    changed = todo.change(now=LATER, completed=True, due_at=None)
    assert (changed.completed, changed.due_at) == (True, None)
    assert (changed.title, changed.description) == ("Buy milk", "two litres")
    assert changed.priority is Priority.HIGH
    assert (changed.id, changed.created_at) == (todo.id, NOW)
    assert (changed.updated_at, changed.version) == (LATER, 2)
    assert (todo.version, todo.completed) == (1, False)


def test_the_search_text_is_case_folded_and_includes_the_description() -> None:
    assert new_todo(title="STRASSE", description="Über").search_text == "strasse\nüber"
    assert "STRASSE".casefold() in new_todo(title="Große Straße").search_text
    assert new_todo().search_text == "buy milk\n"


EQUAL_TEXTS: Final = [
    ("r\u00e9sum\u00e9", "re\u0301sume\u0301"),
    ("R\u00c9SUM\u00c9", "re\u0301sume\u0301"),
    ("\u212bngstr\u00f6m", "A\u030angstro\u0308m"),  # the sign for the unit
    ("\u0390", "\u03b9\u0308\u0301"),  # its case folding is decomposed
    ("\u03aa\u0301", "\u0390"),
    ("\u01f0", "J\u030c"),
    ("\u1fb4", "\u0391\u0345\u0301"),  # marks in another order
    ("a\u0323\u0307", "a\u0307\u0323"),
    ("\ud55c", "\u1112\u1161\u11ab"),
    ("STRASSE", "stra\u00dfe"),
]


@pytest.mark.parametrize(("text", "other"), EQUAL_TEXTS)
def test_canonical_caseless_matches_have_one_search_key(text: str, other: str) -> None:
    assert search_key(text) == search_key(other)
    assert search_key(text) in new_todo(title=other, description=text).search_text


@pytest.mark.parametrize("other", ["e", "e\u0300", "\u00ea", "\uff45"])
def test_other_letters_have_another_search_key(other: str) -> None:
    assert search_key("\u00e9") != search_key(other)


@given(st.text())
def test_a_search_key_depends_on_neither_case_nor_normal_form(text: str) -> None:
    key = search_key(text)
    assert search_key(normalize("NFC", text)) == search_key(normalize("NFD", text)) == key
    assert search_key(text.casefold()) == key
    assert search_key(key) == key


def test_a_search_key_limits_runs_of_combining_marks() -> None:
    marks = "\u0315\u0300" * 5_000  # sorting them takes quadratic time
    key = search_key(f"a{marks}")
    assert max(map(len, key.split("\u034f"))) <= 31
    assert search_key("a" + "\u0301" * 30) == "\u00e1" + "\u0301" * 29


def test_priorities_are_ranked_from_low_to_high() -> None:
    assert [priority.rank for priority in Priority] == [0, 1, 2]
    assert Priority.LOW.rank < Priority.NORMAL.rank < Priority.HIGH.rank


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 12, 31)))  # noqa: DTZ001 - the test sets UTC
def test_an_id_is_a_uuid_version_7_of_its_time(time: datetime) -> None:
    now = time.replace(tzinfo=UTC)
    todo_id = uuid7(now)
    assert todo_id.version == 7
    assert todo_id.variant == "specified in RFC 4122"
    encoded_time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=todo_id.int >> 80)
    assert timedelta(0) <= now - encoded_time < timedelta(milliseconds=1)


def test_ids_sort_by_their_time() -> None:
    times = [NOW + timedelta(milliseconds=step) for step in range(200)]
    ids = [uuid7(time) for time in times]
    assert ids == sorted(ids)
    assert [str(todo_id) for todo_id in ids] == sorted(str(todo_id) for todo_id in ids)


def test_ids_of_the_same_time_differ_in_every_random_bit() -> None:
    ids = [uuid7(NOW).int for _ in range(400)]
    assert len(set(ids)) == 400
    differing_bits = 0
    for number in ids:
        differing_bits |= number ^ ids[0]
    assert differing_bits == ((1 << 12) - 1) << 64 | (1 << 62) - 1


def test_an_unavailable_repository_is_not_a_todo_error() -> None:
    for error in (InvalidTodoError, TodoNotFoundError, TodoConflictError):
        assert issubclass(error, TodoError)
    assert RepositoryUnavailableError.__bases__ == (Exception,)
    assert RepositoryUnavailableError("down").retry_after == 1.0
    assert RepositoryUnavailableError("down", retry_after=3).retry_after == 3
