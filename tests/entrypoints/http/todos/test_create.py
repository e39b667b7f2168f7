"""POST /api/todos, and the values that a todo accepts at creation and at a change."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from httpx2 import Client

from backend.adapters.persistence.memory import InMemoryTodoRepository
from backend.domain.todo import DESCRIPTION_MAX_LENGTH, TITLE_MAX_LENGTH
from tests.entrypoints.http.conftest import Clock, MakeApp, MakeClient
from tests.entrypoints.http.todos.api import (
    JSON_BODY,
    MILK,
    URL,
    add,
    invalid_fields,
    path_of,
    titles,
)


def test_a_new_todo_is_returned_with_location_and_etag(ada: Client) -> None:
    response = ada.post(URL, json=MILK)
    todo = response.json()
    assert response.status_code == 201
    assert response.headers["Location"] == path_of(todo)
    assert response.headers["ETag"] == '"1"'
    assert {name: todo[name] for name in MILK} == MILK
    assert todo["created_at"] == todo["updated_at"] == "2026-03-04T05:06:07Z"
    assert UUID(todo["id"]).version == 7
    assert set(todo) == {*MILK, "id", "created_at", "updated_at"}


def test_the_location_of_a_new_todo_returns_it(ada: Client) -> None:
    response = ada.post(URL, json=MILK)
    assert ada.get(response.headers["Location"]).json() == response.json()


def test_more_todos_than_the_limit_are_refused(make_app: MakeApp, make_client: MakeClient) -> None:
    ada = make_client(make_app(parts={"todos": InMemoryTodoRepository(max_per_user=2)}), "ada")
    key = {"Idempotency-Key": "the-first"}
    first = ada.post(URL, json=MILK, headers=key)
    second = ada.post(URL, json=MILK)
    refused = ada.post(URL, json=MILK)
    assert (refused.status_code, refused.json()["code"]) == (409, "todo_limit_reached")
    assert "You have 2 todos" in refused.json()["detail"]
    assert ada.post(URL, json=MILK, headers=key).json() == first.json()
    assert ada.delete(path_of(second.json())).status_code == 204
    assert ada.post(URL, json=MILK).status_code == 201


def test_only_the_title_is_required(ada: Client) -> None:
    todo = add(ada, "x")
    assert (todo["description"], todo["completed"]) == (None, False)
    assert (todo["priority"], todo["due_at"]) == ("normal", None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "x" * TITLE_MAX_LENGTH),
        ("title", "\U0001f95b" * TITLE_MAX_LENGTH),
        ("title", " two words "),
        ("title", "\u202e<script>'; DROP TABLE todos; --"),
        ("description", ""),
        ("description", "x" * DESCRIPTION_MAX_LENGTH),
        ("description", "line\r\nline\ttab"),
        ("completed", True),
        ("priority", "low"),
        ("due_at", None),
        ("description", None),
    ],
)
def test_valid_values_are_stored_unchanged(ada: Client, field: str, value: object) -> None:
    todo = add(ada, **{"title": "x", field: value})
    assert todo[field] == value
    assert ada.get(path_of(todo)).json() == todo


@pytest.mark.parametrize(
    ("sent", "returned"),
    [
        ("2026-03-05T18:00:00Z", "2026-03-05T18:00:00Z"),
        ("2026-03-05t18:00:00z", "2026-03-05T18:00:00Z"),
        ("2026-03-05 18:00:00+00:00", "2026-03-05T18:00:00Z"),
        ("2026-03-05T18:00:00+02:00", "2026-03-05T16:00:00Z"),
        ("2026-03-05T18:00:00-23:59", "2026-03-06T17:59:00Z"),
        ("2026-03-05T18:00:00.123456Z", "2026-03-05T18:00:00.123456Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
    ],
)
def test_a_due_date_is_returned_in_utc(ada: Client, sent: str, returned: str) -> None:
    assert add(ada, due_at=sent)["due_at"] == returned


INVALID_VALUES: list[tuple[str, Any]] = [
    ("title", None),
    ("title", ""),
    ("title", "   "),
    ("title", "\u2003\n"),
    ("title", "x" * (TITLE_MAX_LENGTH + 1)),
    ("title", "a\0b"),
    ("title", "\ud800"),
    ("title", "a\udfff"),
    ("title", 1),
    ("title", True),
    ("title", ["x"]),
    ("title", {"a": "x"}),
    ("title", float("nan")),
    ("description", "x" * (DESCRIPTION_MAX_LENGTH + 1)),
    ("description", "\0"),
    ("description", "\ud83d"),
    ("description", 0),
    ("description", []),
    ("completed", None),
    ("completed", "true"),
    ("completed", 1),
    ("completed", 0.0),
    ("completed", float("inf")),
    ("priority", None),
    ("priority", "urgent"),
    ("priority", "HIGH"),
    ("priority", 2),
    ("priority", ""),
    ("priority", ["high"]),
    ("due_at", ""),
    ("due_at", "tomorrow"),
    ("due_at", "2026-03-05"),
    ("due_at", "2026-03-05T18:00:00"),
    ("due_at", "2026-03-05T18:00Z"),
    ("due_at", "2026-03-05T18:00:00+0200"),
    ("due_at", "2026-03-05T18:00:00+25:00"),
    ("due_at", "2026-03-05T18:00:60Z"),
    ("due_at", "2026-03-05T24:00:00Z"),
    ("due_at", "2026-02-30T00:00:00Z"),
    ("due_at", "2026-03-05T18:00:00Z "),
    ("due_at", "2026-03-05T18:00:00Z\0"),
    ("due_at", "\u0662\u0660\u0662\u0666-03-05T18:00:00Z"),
    ("due_at", "0000-01-01T00:00:00Z"),
    ("due_at", "0001-01-01T00:00:00+14:00"),
    ("due_at", "9999-12-31T23:59:59-14:00"),
    ("due_at", "10000-01-01T00:00:00Z"),
    ("due_at", "1700000000"),
    ("due_at", "-1"),
    ("due_at", 1_700_000_000),
    ("due_at", 1e300),
    ("due_at", 10**4000),
    ("due_at", float("nan")),
    ("due_at", True),
    ("due_at", []),
    ("id", "01a1fb5f-f08e-7f5e-9cb6-2719083547c9"),
    ("version", 7),
    ("user_id", "bob"),
    ("created_at", "2026-03-05T18:00:00Z"),
    ("__proto__", {}),
    ("", 1),
]


@pytest.mark.parametrize(("field", "value"), INVALID_VALUES)
def test_an_invalid_value_is_reported_and_nothing_is_stored(
    ada: Client, field: str, value: object
) -> None:
    todo = add(ada, **MILK)
    for method, url in (("POST", URL), ("PATCH", path_of(todo))):
        body = json.dumps({"title": "other", "completed": True, field: value})
        response = ada.request(method, url, content=body, headers=JSON_BODY)
        assert invalid_fields(response) == {field or "body"}
    assert ada.get(URL).json()["items"] == [todo]


def test_unescaped_nul_and_surrogates_are_rejected(ada: Client) -> None:
    for body in (b'{"title": "a\0b"}', b'{"title": "\xed\xa0\x80"}'):
        response = ada.post(URL, content=body, headers=JSON_BODY)
        assert response.status_code in {400, 422}
    assert titles(ada) == []


def test_a_surrogate_pair_is_one_character(ada: Client) -> None:
    body = b'{"title": "\\ud83e\\udd5b"}'
    response = ada.post(URL, content=body, headers=JSON_BODY)
    assert response.json()["title"] == "\U0001f95b"


def test_the_last_of_two_members_with_the_same_name_counts(ada: Client) -> None:
    body = b'{"title": "first", "title": "last"}'
    response = ada.post(URL, content=body, headers=JSON_BODY)
    assert response.json()["title"] == "last"


def test_times_come_from_the_clock(ada: Client, clock: Clock) -> None:
    clock.now = datetime(2030, 1, 1, 12, 30, 15, 123_456, tzinfo=UTC)
    todo = add(ada)
    assert todo["created_at"] == "2030-01-01T12:30:15.123456Z"
    milliseconds = UUID(todo["id"]).int >> 80
    assert milliseconds == int(clock.now.timestamp() * 1000)
