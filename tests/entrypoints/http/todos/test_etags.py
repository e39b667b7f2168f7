"""Which entity tags match the current version of a todo."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.todo import Todo
from backend.entrypoints.http.todos import etags

NOW = datetime(2026, 3, 4, tzinfo=UTC)
TODO = Todo.create(now=NOW, title="Buy milk").change(now=NOW, completed=True)


def test_the_etag_is_the_version_in_quotes() -> None:
    assert etags.of(TODO) == '"2"'


@pytest.mark.parametrize(
    "header",
    [
        ['"2"'],
        ["*"],
        [" \t*\t"],
        ['"1", "2", "3"'],
        ['"1","2"'],
        [' \t"2"\t '],
        [',,"1" ,, "2",'],
        ['"1"', '"2"'],
        ['W/"2", "2"'],
        ['"", "a,b", "2"'],
        ['"\xff", "2"'],
    ],
)
def test_a_strong_tag_matches(header: list[str]) -> None:
    assert etags.match(header, TODO)
    assert etags.match(header, TODO, weak=True)


@pytest.mark.parametrize("header", [['W/"2"'], ['"1", W/"2"'], ['W/"1"', 'W/"2"']])
def test_a_weak_tag_matches_only_in_a_weak_comparison(header: list[str]) -> None:
    assert etags.match(header, TODO, weak=True)
    assert not etags.match(header, TODO)


@pytest.mark.parametrize(
    "header",
    [
        None,
        [],
        [""],
        ['"1"'],
        ["2"],
        ["'2'"],
        ['w/"2"'],
        ['W"2"'],
        ['W/ "2"'],
        ['x"2"'],
        ['"2"x'],
        ['"1""2"'],
        ['"1" "2"'],
        ['"2'],
        ['2"'],
        ['"', '2"'],
        ['"x,', '"2"x"'],
        ['"1"; "2"'],
        ['"*"'],
        ['"1", *'],
        ["*", '"1"'],
        ["**"],
        ['" 2"'],
        ['"\x7f", "2"'],
        ['"02"'],
    ],
)
def test_other_tags_and_invalid_headers_match_nothing(header: list[str] | None) -> None:
    assert not etags.match(header, TODO)
    assert not etags.match(header, TODO, weak=True)


@given(st.lists(st.text(st.characters(max_codepoint=255))))
def test_any_header_can_be_parsed(header: list[str]) -> None:
    assert etags.match([*header, '"2"'], TODO) in {True, False}


def test_a_long_list_is_parsed_in_linear_time() -> None:
    assert not etags.match(['"1"' + ", " * 50_000 + "x"], TODO)
    assert not etags.match(['"1" ' * 20_000], TODO)
    assert etags.match(['"1", ' * 20_000 + '"2"'], TODO)


@pytest.mark.parametrize(
    "header", [['"1"'], ['"1"', '"2"'], [' ,"1" ,, "a,b", ,'], ['""'], ['"\xff"\t,"1"']]
)
def test_a_list_of_quoted_tags_is_strong(header: list[str]) -> None:
    assert etags.are_strong(header)


@pytest.mark.parametrize(
    "header",
    [
        [],
        [""],
        [","],
        ["2"],
        ['W/"2"'],
        ['"1", W/"2"'],
        ['"1", 2'],
        ['"1" "2"'],
        ['"1', "2"],
        ["*,"],
    ],
)
def test_weak_and_unquoted_tags_are_not_strong(header: list[str]) -> None:
    assert not etags.are_strong(header)


@given(st.lists(st.text(st.characters(max_codepoint=255))))
def test_any_header_can_be_checked_for_strong_tags(header: list[str]) -> None:
    assert etags.are_strong(header) in {True, False}
