"""Cursors: handed back unread, and never trusted."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.todo import NEVER_DUE, Priority, Todo, TodoPosition, TodoSort
from backend.entrypoints.http import cursors
from backend.entrypoints.http.cursors import InvalidCursorError

NOW = datetime(2026, 3, 4, 5, 6, 7, 891_011, tzinfo=UTC)
ID = "01a1fb5f-f08e-7f5e-9cb6-2719083547c9"
DATE = "2026-03-04T05:06:07+00:00"


def cursor(*parts: Any) -> str:
    return pack(json.dumps(parts).encode())


def pack(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


@pytest.mark.parametrize("sort", TodoSort)
@pytest.mark.parametrize("title", ["Buy milk", "\U0001f95b" * 200, "\u00e9\u2028\"'\\", "a" * 200])
def test_a_position_comes_back_as_it_was(sort: TodoSort, title: str) -> None:
    for due_at in (None, NOW, datetime.min.replace(tzinfo=UTC), NEVER_DUE):
        for priority in Priority:
            todo = Todo.create(now=NOW, title=title, due_at=due_at, priority=priority)
            position = TodoPosition.of(todo, sort)
            written = cursors.encode(position, sort)
            assert cursors.decode(written, sort) == position
            assert len(written) <= 4096
            assert set(written) <= set("-_") | set(map(chr, range(128))) - set("+/=&#? ")


@given(st.text())
def test_no_text_is_taken_for_a_cursor(text: str) -> None:
    with pytest.raises(InvalidCursorError):
        cursors.decode(text, TodoSort.TITLE)


@given(st.binary(), st.sampled_from(TodoSort))
def test_no_encoded_bytes_are_taken_for_a_cursor(data: bytes, sort: TodoSort) -> None:
    with pytest.raises(InvalidCursorError):
        cursors.decode(pack(data), sort)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes().map(str),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(JSON, JSON, st.sampled_from(TodoSort))
def test_what_is_read_is_of_the_sorts_type(key: Any, todo_id: Any, sort: TodoSort) -> None:
    for sorted_by in (sort, TodoSort.TITLE, key):
        try:
            position = cursors.decode(cursor(sorted_by, key, todo_id), sort)
        except InvalidCursorError:
            continue
        assert type(position.key) is {"title": str, "priority": int}.get(sort.field, datetime)


@pytest.mark.parametrize("other", sorted(set(TodoSort) - {TodoSort.DUE_AT}))
def test_a_cursor_belongs_to_its_order(other: TodoSort) -> None:
    position = TodoPosition(key=NOW, id=UUID(ID))
    with pytest.raises(InvalidCursorError):
        cursors.decode(cursors.encode(position, TodoSort.DUE_AT), other)


def test_the_other_direction_is_another_order() -> None:
    position = TodoPosition(key=NOW, id=UUID(ID))
    with pytest.raises(InvalidCursorError, match="another order"):
        cursors.decode(cursors.encode(position, TodoSort.DUE_AT), TodoSort.DUE_AT_DESC)


@pytest.mark.parametrize("length", range(0, 100, 7))
def test_a_truncated_cursor_is_none(length: int) -> None:
    written = cursors.encode(TodoPosition(key=NOW, id=UUID(ID)), TodoSort.CREATED_AT)
    assert length < len(written)
    with pytest.raises(InvalidCursorError):
        cursors.decode(written[:length], TodoSort.CREATED_AT)


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        (TodoSort.PRIORITY, -1),
        (TodoSort.PRIORITY, 3),
        (TodoSort.PRIORITY, 10**400),
        (TodoSort.PRIORITY, True),
        (TodoSort.PRIORITY, 1.0),
        (TodoSort.PRIORITY, float("nan")),
        (TodoSort.PRIORITY, float("inf")),
        (TodoSort.PRIORITY, "1"),
        (TodoSort.PRIORITY, None),
        (TodoSort.PRIORITY, [1]),
        (TodoSort.TITLE, 1),
        (TodoSort.TITLE, None),
        (TodoSort.TITLE, "a\0b"),
        (TodoSort.TITLE, "\ud800"),
        (TodoSort.DUE_AT, 1),
        (TodoSort.DUE_AT, "2026-03-04"),
        (TodoSort.DUE_AT, "2026-03-04T05:06:07"),
        (TodoSort.DUE_AT, "2026-03-04T05:06:07+01:00"),
        (TodoSort.DUE_AT, "0001-01-01T00:00:00+14:00"),
        (TodoSort.DUE_AT, "9999-12-31T23:59:59-14:00"),
        (TodoSort.DUE_AT, "10000-01-01T00:00:00+00:00"),
        (TodoSort.CREATED_AT, "never"),
        (TodoSort.CREATED_AT, ["2026-03-04T05:06:07+00:00"]),
    ],
)
def test_a_key_that_no_list_has_is_refused(sort: TodoSort, key: object) -> None:
    with pytest.raises(InvalidCursorError):
        cursors.decode(cursor(sort, key, ID), sort)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "=",
        "A",
        "%00",
        "not base64!",
        "é",
        cursor(),
        cursor("due_at"),
        cursor("due_at", DATE),
        cursor("due_at", DATE, ID, ID),
        cursor("due_at", DATE, "not an id"),
        cursor("due_at", DATE, 7),
        cursor("due_at", DATE, None),
        cursor("due_at", DATE, [ID]),
        cursor("due_at", DATE, "1" * 3000),
        cursor(["due_at"], DATE, ID),
        cursor(None, DATE, ID),
        pack(b"[" * 3000),
        pack(b"null"),
        pack(b'"abc"'),
        pack(b"7" * 3000),
        pack(b"\xff\xfe"),
        pack(b'["due_at","' + DATE.encode() + b'","' + ID.encode() + b'"'),
    ],
)
def test_what_was_never_handed_out_is_refused(written: str) -> None:
    with pytest.raises(InvalidCursorError):
        cursors.decode(written, TodoSort.DUE_AT)


def test_the_cursors_of_these_tests_are_otherwise_good() -> None:
    read = cursors.decode(cursor("due_at", DATE, ID), TodoSort.DUE_AT)
    assert read.key == NOW - timedelta(microseconds=891_011)
    assert cursors.decode(cursor("priority", 1, ID), TodoSort.PRIORITY).key == 1


def test_a_refusal_does_not_repeat_what_was_sent() -> None:
    with pytest.raises(InvalidCursorError) as failure:
        cursors.decode(cursor("due_at", "s3cret", ID), TodoSort.DUE_AT)
    assert "s3cret" not in str(failure.value)
