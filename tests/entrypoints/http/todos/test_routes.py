"""The todos of the caller, and of nobody else."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from httpx2 import Client, Response

from backend.adapters.persistence.memory import InMemoryTodoRepository
from backend.domain.todo import (
    DESCRIPTION_MAX_LENGTH,
    TITLE_MAX_LENGTH,
    Priority,
    Todo,
    TodoConflictError,
)
from backend.domain.todo_list import NEVER_DUE, PAGE_MAX_LENGTH, TodoSort
from backend.entrypoints.http.todos.routes import ATTEMPTS
from tests.entrypoints.http.asgi_client import RawResponse, send_request
from tests.entrypoints.http.conftest import START, Clock, MakeApp

URL = "/api/todos"
NOBODYS = f"{URL}/01a1fb5f-f08e-7f5e-9cb6-2719083547c9"
ADA = (b"authorization", b"Bearer ada")
JSON = (b"content-type", b"application/json")
A_JSON_BODY = {"Content-Type": "application/json"}
MILK = {
    "title": "Buy milk",
    "description": "two litres",
    "completed": False,
    "priority": "high",
    "due_at": "2026-03-05T18:00:00Z",
}


def add(client: Client, title: Any = "Buy milk", **said: Any) -> dict[str, Any]:
    answer = client.post(URL, json={"title": title, **said})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def titles(client: Client, **query: Any) -> list[str]:
    answer = client.get(URL, params=query)
    assert answer.status_code == 200, answer.text
    return [todo["title"] for todo in answer.json()["items"]]


def at(todo: dict[str, Any]) -> str:
    return f"{URL}/{todo['id']}"


def wrong_fields(answer: Response) -> set[str]:
    assert answer.status_code == 422, answer.text
    return {error["field"] for error in answer.json()["errors"]}


# --- Create -------------------------------------------------------------------------------------


def test_a_new_todo_is_answered_with_its_place_and_its_tag(ada: Client) -> None:
    answer = ada.post(URL, json=MILK)
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == at(made)
    assert answer.headers["ETag"] == '"1"'
    assert {name: made[name] for name in MILK} == MILK
    assert made["created_at"] == made["updated_at"] == "2026-03-04T05:06:07Z"
    assert UUID(made["id"]).version == 7
    assert set(made) == {*MILK, "id", "created_at", "updated_at"}


def test_the_place_of_a_new_todo_leads_to_it(ada: Client) -> None:
    answer = ada.post(URL, json=MILK)
    assert ada.get(answer.headers["Location"]).json() == answer.json()


def test_a_title_is_all_that_a_todo_needs(ada: Client) -> None:
    made = add(ada, "x")
    assert (made["description"], made["completed"]) == (None, False)
    assert (made["priority"], made["due_at"]) == ("normal", None)


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
def test_what_may_be_said_is_kept_as_it_was_said(ada: Client, field: str, value: object) -> None:
    made = add(ada, **{"title": "x", field: value})
    assert made[field] == value
    assert ada.get(at(made)).json() == made


@pytest.mark.parametrize(
    ("said", "kept"),
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
def test_a_due_date_is_answered_in_utc(ada: Client, said: str, kept: str) -> None:
    assert add(ada, due_at=said)["due_at"] == kept


WRONG: list[tuple[str, Any]] = [
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


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_what_may_not_be_said_is_named_and_nothing_is_kept(
    ada: Client, field: str, value: object
) -> None:
    made = add(ada, **MILK)
    for method, url in (("POST", URL), ("PATCH", at(made))):
        body = json.dumps({"title": "other", "completed": True, field: value})
        answer = ada.request(method, url, content=body, headers=A_JSON_BODY)
        assert wrong_fields(answer) == {field or "body"}
    assert ada.get(URL).json()["items"] == [made]


def test_nul_and_surrogates_may_not_be_sent_literally_either(ada: Client) -> None:
    for body in (b'{"title": "a\0b"}', b'{"title": "\xed\xa0\x80"}'):
        answer = ada.post(URL, content=body, headers=A_JSON_BODY)
        assert answer.status_code in {400, 422}
    assert titles(ada) == []


def test_a_pair_of_surrogates_is_one_character(ada: Client) -> None:
    body = b'{"title": "\\ud83e\\udd5b"}'
    answer = ada.post(URL, content=body, headers=A_JSON_BODY)
    assert answer.json()["title"] == "\U0001f95b"


def test_of_two_members_of_one_name_the_last_one_counts(ada: Client) -> None:
    body = b'{"title": "first", "title": "last"}'
    answer = ada.post(URL, content=body, headers=A_JSON_BODY)
    assert answer.json()["title"] == "last"


# --- Isolation ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize("headers", [{}, {"If-Match": "*"}, {"If-Match": '"1"'}])
def test_another_users_todo_is_as_good_as_none(
    ada: Client, bob: Client, method: str, headers: dict[str, str]
) -> None:
    made = add(ada)
    body = {"title": "stolen"} if method == "PATCH" else None
    answers = [bob.request(method, url, headers=headers, json=body) for url in (at(made), NOBODYS)]
    said = [{**answer.json(), "request_id": ""} for answer in answers]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert said[0] == said[1]
    assert ada.get(at(made)).json() == made


def test_lists_hold_the_callers_todos_only(ada: Client, bob: Client) -> None:
    for client, name in ((ada, "hers"), (bob, "his"), (ada, "hers too")):
        add(client, name)
    assert titles(ada, sort="title") == ["hers", "hers too"]
    assert titles(bob) == ["his"]
    assert titles(bob, q="hers") == []


def test_another_users_cursor_is_named(ada: Client, bob: Client) -> None:
    for number in range(3):
        for client, name in ((ada, "hers"), (bob, "his")):
            add(client, f"{name} {number}")
    cursor = ada.get(URL, params={"limit": 1}).json()["next_cursor"]
    assert wrong_fields(bob.get(URL, params={"cursor": cursor})) == {"cursor"}
    assert len(titles(ada, cursor=cursor)) == 2


# --- List ---------------------------------------------------------------------------------------


@pytest.fixture
def many(todos: InMemoryTodoRepository) -> list[Todo]:
    """Todos of the caller's, with many ties."""
    soon = START + timedelta(days=1)
    made = [
        Todo.create(
            now=START + timedelta(seconds=number // 2),
            title="abc"[number % 3] * (1 + number % 2),
            description=None if number % 2 else "Über Größe",
            completed=number % 4 == 0,
            priority=list(Priority)[number % 3],
            due_at=None if number % 3 == 0 else soon + timedelta(hours=number % 2),
        )
        for number in range(12)
    ]
    for todo in made:
        asyncio.run(todos.add("ada", todo))
    return made


KEYS: dict[str, Callable[[Todo], Any]] = {
    "created_at": lambda todo: todo.created_at,
    "due_at": lambda todo: todo.due_at or NEVER_DUE,
    "priority": lambda todo: todo.priority.rank,
    "title": lambda todo: todo.title,
}


def pages(client: Client, **query: Any) -> Iterator[list[UUID]]:
    """Walk through a list, page by page."""
    cursor: dict[str, str] = {}
    while True:
        page = client.get(URL, params={**query, **cursor}).json()
        yield [UUID(todo["id"]) for todo in page["items"]]
        if page["next_cursor"] is None:
            return
        cursor = {"cursor": page["next_cursor"]}


@pytest.mark.parametrize("limit", [1, 5, 6, 12])
@pytest.mark.parametrize("sort", TodoSort)
def test_walking_all_pages_gives_each_todo_once_and_in_order(
    ada: Client, many: list[Todo], sort: TodoSort, limit: int
) -> None:
    def key(todo: Todo) -> tuple[Any, UUID]:
        return KEYS[sort.field](todo), todo.id

    walked = list(pages(ada, sort=sort, limit=limit))
    expected = [todo.id for todo in sorted(many, key=key, reverse=sort.descending)]
    assert [one for page in walked for one in page] == expected
    assert {len(page) for page in walked[:-1]} <= {limit}
    assert walked[-1] != []


def test_the_newest_come_first_and_twenty_of_them(ada: Client, clock: Clock) -> None:
    for number in range(21):
        add(ada, str(number))
        clock.advance(seconds=1)
    assert titles(ada) == [str(number) for number in range(20, 0, -1)]


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ({"completed": "true"}, lambda todo: todo.completed),
        ({"completed": "false"}, lambda todo: not todo.completed),
        ({"priority": "high"}, lambda todo: todo.priority is Priority.HIGH),
        (
            {"due_before": "2026-03-05T05:36:07Z"},
            lambda todo: todo.due_at == START + timedelta(days=1),
        ),
        (
            {"due_before": "2026-03-05T07:06:07+01:00"},
            lambda todo: todo.due_at == START + timedelta(days=1),
        ),
        ({"due_before": "0001-01-01T00:00:00Z"}, lambda _: False),
        ({"due_before": "9999-12-31T23:59:59.999999Z"}, lambda todo: todo.due_at is not None),
        ({"q": "BB"}, lambda todo: "bb" in todo.title),
        ({"q": "über GRÖSSE"}, lambda todo: todo.description is not None),
        ({"q": "%"}, lambda _: False),
        ({"q": "_"}, lambda _: False),
        (
            {"q": "a", "completed": "true", "priority": "low"},
            lambda todo: "a" in todo.title and todo.completed and todo.priority is Priority.LOW,
        ),
    ],
)
def test_filters_choose(
    ada: Client, many: list[Todo], query: dict[str, str], matches: Callable[[Todo], bool]
) -> None:
    expected = {todo.id for todo in many if matches(todo)}
    assert {one for page in pages(ada, limit=2, **query) for one in page} == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "-1"),
        ("limit", str(PAGE_MAX_LENGTH + 1)),
        ("limit", "9" * 5000),
        ("limit", "ten"),
        ("limit", "1.5"),
        ("limit", ""),
        ("limit", "NaN"),
        ("sort", "user_id"),
        ("sort", "--title"),
        ("sort", "title,id"),
        ("sort", "TITLE"),
        ("sort", ""),
        ("completed", "maybe"),
        ("completed", ""),
        ("priority", "urgent"),
        ("due_before", "2026-03-05T18:00:00"),
        ("due_before", "2026-03-05"),
        ("due_before", "1700000000"),
        ("due_before", "0001-01-01T00:00:00+14:00"),
        ("due_before", "9999-12-31T23:59:59-14:00"),
        ("due_before", ""),
        ("q", ""),
        ("q", "\0"),
        ("q", "a\0b"),
        ("q", "x" * (TITLE_MAX_LENGTH + 1)),
        ("cursor", ""),
        ("cursor", "x"),
        ("cursor", "\0"),
        ("cursor", "é"),
        ("cursor", "x" * 5000),
        ("cursor", base64.urlsafe_b64encode(b"[" * 2500).decode()),
        ("user_id", "bob"),
        ("Limit", "1"),
        ("offset", "1"),
    ],
)
def test_a_query_that_makes_no_sense_is_named(ada: Client, name: str, value: str) -> None:
    assert wrong_fields(ada.get(URL, params={name: value})) == {name}


def test_bytes_that_are_no_text_are_read_with_a_replacement(ada: Client) -> None:
    add(ada)
    assert ada.get(f"{URL}?q=%ff%fe").json()["items"] == []
    assert wrong_fields(ada.get(f"{URL}?sort=%ff")) == {"sort"}
    assert wrong_fields(ada.get(f"{URL}?%00=1")) == {"\0"}


@pytest.mark.parametrize(
    "other",
    [
        {"sort": "-title"},
        {"sort": "-created_at"},
        {"completed": "false"},
        {"priority": "low"},
        {"due_before": "9999-01-01T00:00:00Z"},
        {"q": "a"},
    ],
)
def test_a_cursor_of_another_list_is_named(
    ada: Client, many: list[Todo], other: dict[str, str]
) -> None:
    cursor = ada.get(URL, params={"limit": 1, "sort": "title"}).json()["next_cursor"]
    asked = {"sort": "title", **other, "cursor": cursor}
    assert wrong_fields(ada.get(URL, params=asked)) == {"cursor"}
    assert len(titles(ada, cursor=cursor, sort="title", limit=100)) == len(many) - 1


def test_a_list_goes_on_however_its_filters_are_spelled(ada: Client, many: list[Todo]) -> None:
    asked = {"due_before": "2027-01-01T01:00:00+01:00", "completed": "no", "limit": "1"}
    cursor = ada.get(URL, params=asked).json()["next_cursor"]
    respelled = {"due_before": "2027-01-01t00:00:00Z", "completed": "false", "cursor": cursor}
    assert titles(ada, **respelled)


def test_a_cursor_that_was_tampered_with_is_named(ada: Client, many: list[Todo]) -> None:
    cursor = ada.get(URL, params={"limit": 1}).json()["next_cursor"]
    for place, character in enumerate(cursor):
        other = "A" if character != "A" else "B"
        tampered = cursor[:place] + other + cursor[place + 1 :]
        assert wrong_fields(ada.get(URL, params={"cursor": tampered})) == {"cursor"}
        assert wrong_fields(ada.get(URL, params={"cursor": cursor[:place]})) == {"cursor"}


def test_a_list_is_walked_once_while_others_write(
    ada: Client, many: list[Todo], clock: Clock
) -> None:
    walked: list[UUID] = []
    for page in pages(ada, limit=3, sort="title"):
        walked += page
        clock.advance(seconds=1)
        for title in ("a", "b", "zz"):
            add(ada, title)
    assert len(walked) == len(set(walked))
    assert {todo.id for todo in many} <= set(walked)


def test_pages_do_not_shift_when_todos_come_and_go(
    ada: Client, many: list[Todo], clock: Clock
) -> None:
    first = ada.get(URL, params={"limit": 4}).json()
    clock.advance(minutes=1)
    add(ada, "new")
    ada.delete(at(first["items"][3]))
    rest = ada.get(URL, params={"limit": 100, "cursor": first["next_cursor"]}).json()
    assert len(rest["items"]) == len(many) - 4
    assert rest["next_cursor"] is None


# --- Read ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("tag", ['"1"', "*", 'W/"1"', '"0", "1"', '"0",W/"1" ,"2"'])
def test_what_is_known_already_is_not_sent_again(ada: Client, tag: str) -> None:
    made = add(ada)
    answer = ada.get(at(made), headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["ETag"] == '"1"'
    assert answer.headers["Cache-Control"] == "private, no-cache"


def test_answers_are_json_that_no_shared_cache_may_keep(ada: Client) -> None:
    made = ada.post("/api/todos", json={"title": "x"})
    path = made.headers["Location"]
    changed = ada.patch(path, json={"title": "y"})
    for answer in (made, changed, ada.get(path), ada.get("/api/todos"), ada.get("/api/me")):
        assert answer.headers.get_list("Cache-Control") == ["private, no-cache"]
        assert answer.headers.get_list("Content-Type") == ["application/json"]
    assert ada.delete(path).headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("tag", ['"2"', "1", "", 'w/"1"', '"1', '"*"'])
def test_what_is_not_known_is_sent(ada: Client, tag: str) -> None:
    made = add(ada)
    answer = ada.get(at(made), headers={"If-None-Match": tag})
    assert (answer.status_code, answer.json()) == (200, made)
    assert answer.headers["ETag"] == '"1"'


def test_a_todo_that_is_not_there_is_not_known_either(ada: Client) -> None:
    assert ada.get(NOBODYS, headers={"If-None-Match": "*"}).status_code == 404


@pytest.mark.parametrize("spelled", [str.upper, lambda text: text.replace("-", "")])
def test_an_id_may_be_spelled_otherwise(ada: Client, spelled: Callable[[str], str]) -> None:
    made = add(ada)
    assert ada.get(f"{URL}/{spelled(made['id'])}").json() == made


# --- Change -------------------------------------------------------------------------------------


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
def test_what_is_named_changes_and_the_rest_stays(
    ada: Client, clock: Clock, changes: dict[str, Any]
) -> None:
    made = add(ada, **MILK)
    clock.advance(minutes=1)
    answer = ada.patch(at(made), json=changes)
    assert answer.status_code == 200
    assert answer.json() == {**made, **changes, "updated_at": "2026-03-04T05:07:07Z"}
    assert answer.headers["ETag"] == '"2"'
    assert ada.get(at(made)).json() == answer.json()


def test_a_change_of_nothing_is_none(ada: Client, clock: Clock) -> None:
    made = add(ada, **MILK)
    clock.advance(minutes=1)
    answer = ada.patch(at(made), json={})
    assert (answer.status_code, answer.json()) == (200, made)
    assert answer.headers["ETag"] == '"1"'
    assert ada.patch(at(made), json={}, headers={"If-Match": '"2"'}).status_code == 412


def test_a_deleted_todo_leaves_no_content_and_no_type_of_it(ada: Client) -> None:
    answer = ada.delete(at(add(ada)))
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Content-Type" not in answer.headers


@pytest.mark.parametrize("field", ["title", "completed", "priority"])
def test_what_every_todo_has_cannot_be_cleared(ada: Client, field: str) -> None:
    made = add(ada, **MILK)
    assert wrong_fields(ada.patch(at(made), json={field: None})) == {field}
    assert ada.get(at(made)).json() == made


def test_a_change_needs_a_body(ada: Client) -> None:
    assert wrong_fields(ada.patch(at(add(ada)))) == {"body"}


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
def test_a_change_that_is_meant_for_this_version_is_made(
    ada: Client, method: str, headers: list[tuple[str, str]]
) -> None:
    made = add(ada)
    ada.patch(at(made), json={"title": "second"})
    body = {"title": "third"} if method == "PATCH" else None
    answer = ada.request(method, at(made), headers=headers, json=body)
    assert answer.status_code == (200 if method == "PATCH" else 204)
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
def test_a_change_that_is_meant_for_another_version_is_not(
    ada: Client, method: str, headers: list[tuple[str, str]]
) -> None:
    made = add(ada)
    ada.patch(at(made), json={"title": "second"})
    body = {"title": "third"} if method == "PATCH" else None
    answer = ada.request(method, at(made), headers=headers, json=body)
    assert answer.status_code == 412
    assert answer.json()["code"] == "precondition_failed"
    assert titles(ada) == ["second"]


class HesitantTodos(InMemoryTodoRepository):
    """Lets others go first between reading and writing."""

    async def save(self, user_id: str, todo: Todo, /) -> None:
        await asyncio.sleep(0)
        await super().save(user_id, todo)

    async def remove(self, user_id: str, todo_id: UUID, /, *, version: int | None = None) -> None:
        await asyncio.sleep(0)
        await super().remove(user_id, todo_id, version=version)


async def send(
    app: FastAPI, method: str, path: str, body: Any = None, *headers: tuple[bytes, bytes]
) -> RawResponse:
    content = [json.dumps(body).encode()]
    return await send_request(app, path, method=method, headers=[ADA, JSON, *headers], body=content)


@pytest.mark.anyio
async def test_changes_at_once_are_all_made(make_app: MakeApp) -> None:
    app = make_app(parts={"todos": HesitantTodos()})
    made = (await send(app, "POST", URL, {"title": "x"})).json()
    changes = {**MILK, "completed": True}
    answers = await asyncio.gather(
        *(send(app, "PATCH", at(made), {name: value}) for name, value in changes.items())
    )
    assert [answer.status for answer in answers] == [200] * len(changes)
    kept = (await send(app, "GET", at(made))).json()
    assert {name: kept[name] for name in changes} == changes


class ContestedTodos(InMemoryTodoRepository):
    """Somebody else was always first."""

    def __init__(self) -> None:
        super().__init__()
        self.tried = 0

    async def save(self, user_id: str, todo: Todo, /) -> None:
        self.tried += 1
        raise TodoConflictError(user_id)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("headers", "status", "tries"),
    [
        ([], 503, ATTEMPTS),
        ([(b"if-match", b"*")], 503, ATTEMPTS),
        ([(b"if-match", b'"1"')], 412, 1),
    ],
)
async def test_of_too_many_changes_at_once_none_is_lost_in_silence(
    make_app: MakeApp, headers: list[tuple[bytes, bytes]], status: int, tries: int
) -> None:
    todos = ContestedTodos()
    app = make_app(parts={"todos": todos})
    made = (await send(app, "POST", URL, {"title": "x"})).json()
    answer = await send(app, "PATCH", at(made), {"completed": True}, *headers)
    assert (answer.status, todos.tried) == (status, tries)
    assert (await send(app, "GET", at(made))).header("etag") == '"1"'


@pytest.mark.anyio
async def test_any_version_may_be_deleted_that_is_there(make_app: MakeApp) -> None:
    app = make_app(parts={"todos": HesitantTodos()})
    made = (await send(app, "POST", URL, {"title": "x"})).json()
    answers = await asyncio.gather(
        send(app, "DELETE", at(made), None, (b"if-match", b"*")),
        send(app, "PATCH", at(made), {"completed": True}),
    )
    assert answers[0].status == 204


@pytest.mark.anyio
async def test_of_changes_for_one_version_one_is_made(make_app: MakeApp) -> None:
    app = make_app(parts={"todos": HesitantTodos()})
    made = (await send(app, "POST", URL, {"title": "x"})).json()
    tag = (b"if-match", b'"1"')
    answers = await asyncio.gather(
        *(send(app, "PATCH", at(made), {"title": "y"}, tag) for _ in range(5))
    )
    assert sorted(answer.status for answer in answers) == [200, 412, 412, 412, 412]
    assert (await send(app, "GET", at(made))).header("etag") == '"2"'


@pytest.mark.anyio
async def test_a_change_of_what_is_being_deleted_is_not_found(make_app: MakeApp) -> None:
    app = make_app(parts={"todos": HesitantTodos()})
    made = (await send(app, "POST", URL, {"title": "x"})).json()
    answers = await asyncio.gather(
        send(app, "DELETE", at(made)), send(app, "PATCH", at(made), {"title": "y"})
    )
    assert [answer.status for answer in answers] == [204, 404]


@pytest.mark.anyio
async def test_what_changes_while_it_is_being_deleted_stays(make_app: MakeApp) -> None:
    app = make_app(parts={"todos": HesitantTodos()})
    made = (await send(app, "POST", URL, {"title": "x"})).json()
    answers = await asyncio.gather(
        send(app, "PATCH", at(made), {"title": "y"}),
        send(app, "DELETE", at(made), None, (b"if-match", b'"1"')),
    )
    assert [answer.status for answer in answers] == [200, 412]
    assert (await send(app, "GET", at(made))).json()["title"] == "y"


# --- Delete -------------------------------------------------------------------------------------


def test_what_is_deleted_is_gone(ada: Client) -> None:
    made = add(ada)
    answer = ada.delete(at(made))
    assert (answer.status_code, answer.content) == (204, b"")
    assert ada.delete(at(made)).status_code == 404
    assert ada.get(at(made)).status_code == 404
    assert titles(ada) == []


def test_a_delete_with_a_body_does_not_read_it(ada: Client) -> None:
    answer = ada.request("DELETE", at(add(ada)), content=b"{" * 200_000)
    assert answer.status_code == 204


def test_times_are_the_clocks(ada: Client, clock: Clock) -> None:
    clock.now = datetime(2030, 1, 1, 12, 30, 15, 123_456, tzinfo=UTC)
    made = add(ada)
    assert made["created_at"] == "2030-01-01T12:30:15.123456Z"
    stated = UUID(made["id"]).int >> 80
    assert stated == int(clock.now.timestamp() * 1000)


@pytest.mark.parametrize("query", ["limit=1&limit=2", "q=a&completed=true&q=a", "x=1&x=1"])
def test_a_parameter_is_given_once(ada: Client, query: str) -> None:
    answer = ada.get(f"/api/todos?{query}")
    assert (answer.status_code, answer.json()["errors"]) == (
        422,
        [{"field": query[: query.index("=")], "detail": "must be given once"}],
    )


def test_a_todo_looks_the_same_in_a_list_and_alone(ada: Client) -> None:
    kept = add(ada, description="d", priority="high", due_at="2026-05-06T07:08:09.123456+02:00")
    assert ada.get("/api/todos").json() == {"items": [kept], "next_cursor": None}
