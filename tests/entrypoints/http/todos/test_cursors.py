"""Cursors: valid only for the user and the list that they were issued for."""

import asyncio
import base64
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.todo import Priority, Todo
from backend.domain.todo_list import NEVER_DUE, TodoPosition, TodoQuery, TodoSort
from backend.domain.todo_repository import RepositoryUnavailableError
from backend.entrypoints.http.todos.cursors import Cursors, InvalidCursorError
from backend.entrypoints.http.todos.list_parameters import CURSOR_MAX_LENGTH

NOW = datetime(2026, 3, 4, 5, 6, 7, 891_011, tzinfo=UTC)
POSITION = TodoPosition(key=NOW, id=UUID("01a1fb5f-f08e-7f5e-9cb6-2719083547c9"))
KEY = bytes(range(32))
QUERY = TodoQuery()
OTHER_FILTERS: dict[str, Any] = {
    "sort": TodoSort.DUE_AT,
    "completed": False,
    "priority": Priority.LOW,
    "due_before": NOW,
    "q": "milk",
}


async def load_key() -> bytes:
    return KEY


def encode(
    position: TodoPosition = POSITION, user_id: str = "ada", query: TodoQuery = QUERY
) -> str:
    return asyncio.run(Cursors(load_key).encode(position, user_id, query))


def decode(cursor: str, user_id: str = "ada", query: TodoQuery = QUERY) -> TodoPosition:
    return asyncio.run(Cursors(load_key).decode(cursor, user_id, query))


def to_base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def from_base64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.mark.parametrize("sort", TodoSort)
@pytest.mark.parametrize(
    "title", ["Buy milk", "\U0001f95b" * 200, "\u00e9\u2028\"'\\", "\x01" * 200]
)
def test_a_position_survives_encoding(sort: TodoSort, title: str) -> None:
    query = TodoQuery(sort=sort)
    for due_at in (None, NOW, datetime.min.replace(tzinfo=UTC), NEVER_DUE):
        for priority in Priority:
            todo = Todo.create(now=NOW, title=title, due_at=due_at, priority=priority)
            position = TodoPosition.of(todo, sort)
            cursor = encode(position, query=query)
            assert decode(cursor, query=query) == position
            assert len(cursor) <= CURSOR_MAX_LENGTH
            assert cursor.isascii()
            assert not set(cursor) & set("+/=&#? ")


def test_processes_with_the_same_key_accept_each_others_cursors() -> None:
    assert decode(encode()) == POSITION
    assert encode() == encode()


def test_a_cursor_is_valid_for_pages_of_any_length() -> None:
    assert decode(encode(query=TodoQuery(limit=1)), query=TodoQuery(limit=100)) == POSITION
    assert decode(encode(), query=replace(QUERY, after=POSITION)) == POSITION


def test_a_cursor_with_another_key_is_rejected() -> None:
    async def other_key() -> bytes:
        return KEY[::-1]

    cursor = asyncio.run(Cursors(other_key).encode(POSITION, "ada", QUERY))
    with pytest.raises(InvalidCursorError):
        decode(cursor)


@pytest.mark.parametrize("user_id", ["bob", "", "Ada", "ada ", 'ada", "created_at'])
def test_a_cursor_of_another_user_is_rejected(user_id: str) -> None:
    for owner, caller in (("ada", user_id), (user_id, "ada")):
        with pytest.raises(InvalidCursorError):
            decode(encode(user_id=owner), caller)


@pytest.mark.parametrize("name", OTHER_FILTERS)
def test_a_cursor_of_another_list_is_rejected(name: str) -> None:
    other = replace(QUERY, **{name: OTHER_FILTERS[name]})
    for issued_for, used_for in ((QUERY, other), (other, QUERY)):
        with pytest.raises(InvalidCursorError):
            decode(encode(query=issued_for), query=used_for)


def test_the_signature_covers_every_filter() -> None:
    assert {field.name for field in fields(TodoQuery)} == {*OTHER_FILTERS, "limit", "after"}


def test_different_filters_with_the_same_text_have_different_signatures() -> None:
    for issued_for, used_for in (
        (TodoQuery(q="null"), TodoQuery()),
        (TodoQuery(q="low"), TodoQuery(priority=Priority.LOW)),
        (TodoQuery(completed=False), TodoQuery(completed=True)),
        (TodoQuery(due_before=NOW), TodoQuery(q=str(NOW))),
    ):
        with pytest.raises(InvalidCursorError):
            decode(encode(query=issued_for), query=used_for)


def test_a_cursor_with_a_flipped_bit_is_rejected() -> None:
    data = from_base64(encode())
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(InvalidCursorError):
            decode(to_base64(bytes(changed)))


@pytest.mark.parametrize("length", range(0, 100, 7))
def test_a_truncated_cursor_is_rejected(length: int) -> None:
    with pytest.raises(InvalidCursorError):
        decode(encode()[:length])


@pytest.mark.parametrize("extra", ["A", "AAAA", "=", "==", " ", "\n", "\0", "%", "é", "."])
def test_a_cursor_with_extra_characters_is_rejected(extra: str) -> None:
    for title in ("x", "xy", "xyz"):
        query = TodoQuery(sort=TodoSort.TITLE)
        cursor = encode(TodoPosition(key=title, id=POSITION.id), query=query)
        assert decode(cursor, query=query).key == title
        for other in (cursor + extra, extra + cursor, cursor[:20] + extra + cursor[20:]):
            with pytest.raises(InvalidCursorError):
                decode(other, query=query)


def test_unused_bits_of_the_last_character_must_not_change() -> None:
    query = TodoQuery(sort=TodoSort.TITLE)
    for title in ("x", "xy", "xyz"):
        cursor = encode(TodoPosition(key=title, id=POSITION.id), query=query)
        for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/":
            if last != cursor[-1]:
                with pytest.raises(InvalidCursorError):
                    decode(cursor[:-1] + last, query=query)


@given(st.text())
def test_arbitrary_text_is_rejected(text: str) -> None:
    with pytest.raises(InvalidCursorError):
        decode(text)


@given(st.binary(), st.sampled_from(TodoSort))
def test_arbitrary_base64_is_rejected(data: bytes, sort: TodoSort) -> None:
    with pytest.raises(InvalidCursorError):
        decode(to_base64(data), query=TodoQuery(sort=sort))


def test_the_error_does_not_repeat_the_cursor() -> None:
    with pytest.raises(InvalidCursorError) as failure:
        decode("s3cret")
    assert "s3cret" not in str(failure.value)


def test_the_key_is_loaded_until_it_succeeds_once() -> None:
    calls = 0

    async def load_key_at_second_call() -> bytes:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RepositoryUnavailableError("the database is down")
        return KEY

    async def use_cursors() -> None:
        cursors = Cursors(load_key_at_second_call)
        with pytest.raises(RepositoryUnavailableError):
            await cursors.encode(POSITION, "ada", QUERY)
        for _ in range(3):
            cursor = await cursors.encode(POSITION, "ada", QUERY)
            assert await cursors.decode(cursor, "ada", QUERY) == POSITION

    asyncio.run(use_cursors())
    assert calls == 2


def test_the_utc_offset_of_a_filter_does_not_matter() -> None:
    in_utc = TodoQuery(due_before=NOW)
    with_offset = TodoQuery(due_before=NOW.astimezone(timezone(timedelta(hours=5))))
    assert decode(encode(query=in_utc), query=with_offset) == POSITION
    later = TodoQuery(due_before=NOW + timedelta(microseconds=1))
    with pytest.raises(InvalidCursorError):
        decode(encode(query=in_utc), query=later)
