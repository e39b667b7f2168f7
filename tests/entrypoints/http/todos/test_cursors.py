"""Cursors: handed back unread, and good for nothing but what they were handed out for."""

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

NOW = datetime(2026, 3, 4, 5, 6, 7, 891_011, tzinfo=UTC)
POSITION = TodoPosition(key=NOW, id=UUID("01a1fb5f-f08e-7f5e-9cb6-2719083547c9"))
KEY = bytes(range(32))
QUERY = TodoQuery()
OTHERS: dict[str, Any] = {
    "sort": TodoSort.DUE_AT,
    "completed": False,
    "priority": Priority.LOW,
    "due_before": NOW,
    "q": "milk",
}


async def the_key() -> bytes:
    return KEY


def seal(position: TodoPosition = POSITION, user_id: str = "ada", query: TodoQuery = QUERY) -> str:
    return asyncio.run(Cursors(the_key).seal(position, user_id, query))


def opened(cursor: str, user_id: str = "ada", query: TodoQuery = QUERY) -> TodoPosition:
    return asyncio.run(Cursors(the_key).open(cursor, user_id, query))


def pack(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def unpack(cursor: str) -> bytes:
    return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))


@pytest.mark.parametrize("sort", TodoSort)
@pytest.mark.parametrize(
    "title", ["Buy milk", "\U0001f95b" * 200, "\u00e9\u2028\"'\\", "\x01" * 200]
)
def test_a_position_comes_back_as_it_was(sort: TodoSort, title: str) -> None:
    query = TodoQuery(sort=sort)
    for due_at in (None, NOW, datetime.min.replace(tzinfo=UTC), NEVER_DUE):
        for priority in Priority:
            todo = Todo.create(now=NOW, title=title, due_at=due_at, priority=priority)
            position = TodoPosition.of(todo, sort)
            written = seal(position, query=query)
            assert opened(written, query=query) == position
            assert len(written) <= 4096
            assert written.isascii()
            assert not set(written) & set("+/=&#? ")


def test_every_process_with_the_key_reads_what_another_one_wrote() -> None:
    assert opened(seal()) == POSITION
    assert seal() == seal()


def test_a_cursor_is_good_for_pages_of_any_length() -> None:
    assert opened(seal(query=TodoQuery(limit=1)), query=TodoQuery(limit=100)) == POSITION
    assert opened(seal(), query=replace(QUERY, after=POSITION)) == POSITION


def test_a_cursor_of_another_key_is_refused() -> None:
    async def other_key() -> bytes:
        return KEY[::-1]

    cursor = asyncio.run(Cursors(other_key).seal(POSITION, "ada", QUERY))
    with pytest.raises(InvalidCursorError):
        opened(cursor)


@pytest.mark.parametrize("user_id", ["bob", "", "Ada", "ada ", 'ada", "created_at'])
def test_a_cursor_of_another_user_is_refused(user_id: str) -> None:
    for hers, his in (("ada", user_id), (user_id, "ada")):
        with pytest.raises(InvalidCursorError):
            opened(seal(user_id=hers), his)


@pytest.mark.parametrize("name", OTHERS)
def test_a_cursor_of_another_list_is_refused(name: str) -> None:
    other = replace(QUERY, **{name: OTHERS[name]})
    for one, another in ((QUERY, other), (other, QUERY)):
        with pytest.raises(InvalidCursorError):
            opened(seal(query=one), query=another)


def test_these_are_all_that_makes_a_list_another_one() -> None:
    assert {one.name for one in fields(TodoQuery)} == {*OTHERS, "limit", "after"}


def test_no_filter_is_taken_for_another_one() -> None:
    for one, another in (
        (TodoQuery(q="null"), TodoQuery()),
        (TodoQuery(q="low"), TodoQuery(priority=Priority.LOW)),
        (TodoQuery(completed=False), TodoQuery(completed=True)),
        (TodoQuery(due_before=NOW), TodoQuery(q=str(NOW))),
    ):
        with pytest.raises(InvalidCursorError):
            opened(seal(query=one), query=another)


def test_no_bit_of_a_cursor_can_be_changed() -> None:
    sealed = unpack(seal())
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(InvalidCursorError):
            opened(pack(bytes(changed)))


@pytest.mark.parametrize("length", range(0, 100, 7))
def test_a_truncated_cursor_is_none(length: int) -> None:
    with pytest.raises(InvalidCursorError):
        opened(seal()[:length])


@pytest.mark.parametrize("more", ["A", "AAAA", "=", "==", " ", "\n", "\0", "%", "é", "."])
def test_a_cursor_has_one_spelling(more: str) -> None:
    for title in ("x", "xy", "xyz"):
        query = TodoQuery(sort=TodoSort.TITLE)
        cursor = seal(TodoPosition(key=title, id=POSITION.id), query=query)
        assert opened(cursor, query=query).key == title
        for other in (cursor + more, more + cursor, cursor[:20] + more + cursor[20:]):
            with pytest.raises(InvalidCursorError):
                opened(other, query=query)


def test_bits_that_no_byte_needs_are_part_of_the_spelling() -> None:
    query = TodoQuery(sort=TodoSort.TITLE)
    for title in ("x", "xy", "xyz"):
        cursor = seal(TodoPosition(key=title, id=POSITION.id), query=query)
        for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/":
            if last != cursor[-1]:
                with pytest.raises(InvalidCursorError):
                    opened(cursor[:-1] + last, query=query)


@given(st.text())
def test_no_text_is_taken_for_a_cursor(text: str) -> None:
    with pytest.raises(InvalidCursorError):
        opened(text)


@given(st.binary(), st.sampled_from(TodoSort))
def test_no_encoded_bytes_are_taken_for_a_cursor(data: bytes, sort: TodoSort) -> None:
    with pytest.raises(InvalidCursorError):
        opened(pack(data), query=TodoQuery(sort=sort))


def test_a_refusal_does_not_repeat_what_was_sent() -> None:
    with pytest.raises(InvalidCursorError) as failure:
        opened("s3cret")
    assert "s3cret" not in str(failure.value)


def test_the_key_is_asked_for_until_it_is_given_and_then_no_more() -> None:
    asked = 0

    async def key() -> bytes:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise RepositoryUnavailableError("the database is down")
        return KEY

    async def use() -> None:
        cursors = Cursors(key)
        with pytest.raises(RepositoryUnavailableError):
            await cursors.seal(POSITION, "ada", QUERY)
        for _ in range(3):
            cursor = await cursors.seal(POSITION, "ada", QUERY)
            assert await cursors.open(cursor, "ada", QUERY) == POSITION

    asyncio.run(use())
    assert asked == 2


def test_the_time_of_a_filter_is_known_in_any_zone() -> None:
    here = TodoQuery(due_before=NOW)
    there = TodoQuery(due_before=NOW.astimezone(timezone(timedelta(hours=5))))
    assert opened(seal(query=here), query=there) == POSITION
    later = TodoQuery(due_before=NOW + timedelta(microseconds=1))
    with pytest.raises(InvalidCursorError):
        opened(seal(query=here), query=later)
