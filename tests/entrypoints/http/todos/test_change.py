"""PATCH /api/todos/{id}, and `If-Match` for PATCH and DELETE."""

from typing import Any

import pytest
from httpx2 import Client

from tests.entrypoints.http.conftest import Clock
from tests.entrypoints.http.todos.api import MILK, add, invalid_fields, path_of, titles


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Buy oat milk"},
        {"description": "three litres"},
        {"completed": True},
        {"priority": "low"},
        {"due_at": "2026-04-01T00:00:00Z"},
        {"description": None},
        {"due_at": None},
        {"completed": False},
        {"title": "x", "description": None, "completed": True, "priority": "low", "due_at": None},
    ],
)
def test_the_fields_in_the_body_change_and_the_others_stay(
    ada: Client, clock: Clock, changes: dict[str, Any]
) -> None:
    todo = add(ada, **MILK)
    clock.advance(minutes=1)
    response = ada.patch(path_of(todo), json=changes)
    assert response.status_code == 200
    assert response.json() == {**todo, **changes, "updated_at": "2026-03-04T05:07:07Z"}
    assert response.headers["ETag"] == '"2"'
    assert ada.get(path_of(todo)).json() == response.json()


def test_an_empty_body_changes_nothing(ada: Client, clock: Clock) -> None:
    todo = add(ada, **MILK)
    clock.advance(minutes=1)
    response = ada.patch(path_of(todo), json={})
    assert (response.status_code, response.json()) == (200, todo)
    assert response.headers["ETag"] == '"1"'
    assert ada.patch(path_of(todo), json={}, headers={"If-Match": '"2"'}).status_code == 412


@pytest.mark.parametrize("field", ["title", "completed", "priority"])
def test_a_required_field_cannot_be_cleared(ada: Client, field: str) -> None:
    todo = add(ada, **MILK)
    assert invalid_fields(ada.patch(path_of(todo), json={field: None})) == {field}
    assert ada.get(path_of(todo)).json() == todo


def test_a_missing_body_is_reported(ada: Client) -> None:
    assert invalid_fields(ada.patch(path_of(add(ada)))) == {"body"}


@pytest.mark.parametrize(
    "headers",
    [
        [("If-Match", '"2"')],
        [("If-Match", "*")],
        [("If-Match", '"1", "2"')],
        [("If-Match", '"1"'), ("If-Match", '"2"')],
        [("If-Match", 'W/"1"'), ("If-Match", '"2"')],
        [("If-Match", '"9" , W/"2", "2"')],
    ],
)
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_matching_if_match_allows_the_change(
    ada: Client, method: str, headers: list[tuple[str, str]]
) -> None:
    todo = add(ada)
    ada.patch(path_of(todo), json={"title": "second"})
    body = {"title": "third"} if method == "PATCH" else None
    response = ada.request(method, path_of(todo), headers=headers, json=body)
    assert response.status_code == (200 if method == "PATCH" else 204)
    assert titles(ada) == (["third"] if method == "PATCH" else [])


@pytest.mark.parametrize(
    "headers",
    [
        [("If-Match", '"1"')],
        [("If-Match", '"3"')],
        [("If-Match", 'W/"2"')],
        [("If-Match", 'w/"2"')],
        [("If-Match", "2")],
        [("If-Match", "")],
        [("If-Match", '"*"')],
        [("If-Match", '"1"'), ("If-Match", '"3"')],
        [("If-Match", '"1"'), ("If-Match", "*")],
    ],
)
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_any_other_if_match_gets_412_and_changes_nothing(
    ada: Client, method: str, headers: list[tuple[str, str]]
) -> None:
    todo = add(ada)
    ada.patch(path_of(todo), json={"title": "second"})
    body = {"title": "third"} if method == "PATCH" else None
    response = ada.request(method, path_of(todo), headers=headers, json=body)
    assert response.status_code == 412
    assert response.json()["code"] == "precondition_failed"
    assert titles(ada) == ["second"]


WEAK_OR_UNQUOTED = ['W/"2"', "2", "'2'", "", '"1", W/"2"', '"1", 2', '"1", *']


@pytest.mark.parametrize("if_match", WEAK_OR_UNQUOTED)
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_weak_or_unquoted_if_match_gets_a_412_that_says_so(
    ada: Client, method: str, if_match: str
) -> None:
    todo = add(ada)
    ada.patch(path_of(todo), json={"title": "second"})
    body = {"title": "third"} if method == "PATCH" else None
    response = ada.request(method, path_of(todo), headers={"If-Match": if_match}, json=body)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (412, "precondition_failed")
    assert problem["detail"].startswith('Weak (`W/"1"`) and unquoted tags never match `If-Match`.')


def test_a_strong_if_match_of_another_version_gets_a_412_that_says_so(ada: Client) -> None:
    response = ada.delete(path_of(add(ada)), headers={"If-Match": '"2", "3"'})
    assert response.status_code == 412
    assert response.json()["detail"] == "The todo has changed since you read it. Read it again."
