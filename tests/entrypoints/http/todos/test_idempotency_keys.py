"""A repeated request with an idempotency key runs once and gets the first response again."""

import asyncio
import json
from typing import Any

import pytest
from fastapi import FastAPI, Request
from httpx2 import Client, Response

from backend.entrypoints.http.problems.errors import InvalidParameterError
from backend.entrypoints.http.todos.idempotency_keys import idempotency
from tests.entrypoints.http.asgi_client import send_request
from tests.entrypoints.http.conftest import Clock, MakeApp, MakeClient

URL = "/api/todos"
MILK = {"title": "Buy milk", "description": "two litres", "due_at": "2026-03-05T18:00:00Z"}


def post(client: Client, body: Any, key: str = "a key") -> Response:
    return client.post(URL, json=body, headers={"Idempotency-Key": key})


def content(response: Response) -> tuple[int, str, str, bytes]:
    """Return every part of a response that must be equal when a request is repeated."""
    headers = response.headers
    return response.status_code, headers["Location"], headers["ETag"], response.content


def stored(client: Client) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get(URL).json()["items"]
    return items


def test_a_repeated_request_runs_once_and_gets_the_same_response(ada: Client, clock: Clock) -> None:
    first = post(ada, MILK)
    assert first.status_code == 201
    assert "Idempotency-Replayed" not in first.headers
    for _ in range(3):
        clock.advance(minutes=10)
        repeated = post(ada, MILK)
        assert content(repeated) == content(first)
        assert repeated.headers["Idempotency-Replayed"] == "true"
    assert stored(ada) == [first.json()]


def test_every_request_without_a_key_creates_a_todo(ada: Client) -> None:
    for _ in range(2):
        response = ada.post(URL, json=MILK)
        assert "Idempotency-Replayed" not in response.headers
    assert len(stored(ada)) == 2


@pytest.mark.parametrize(
    ("body", "equivalent_body"),
    [
        (b'{"title":"x","priority":"low"}', b'{ "priority": "low",\r\n "title": "\\u0078" }'),
        (b'{"title":"x"}', b'{"title":"x","completed":false,"description":null}'),
        (
            b'{"title":"x","due_at":"2026-03-05T18:00:00Z"}',
            b'{"title":"x","due_at":"2026-03-05 20:00:00.000+02:00"}',
        ),
    ],
)
def test_json_notation_does_not_matter(ada: Client, body: bytes, equivalent_body: bytes) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": "x"}
    first = ada.post(URL, content=body, headers=headers)
    second = ada.post(URL, content=equivalent_body, headers=headers)
    assert content(second) == content(first)


@pytest.mark.parametrize(
    "change",
    [
        {"title": "buy milk"},
        {"description": None},
        {"description": ""},
        {"completed": True},
        {"priority": "high"},
        {"due_at": None},
        {"due_at": "2026-03-05T18:00:00.000001Z"},
    ],
)
def test_a_different_request_with_the_same_key_is_rejected(
    ada: Client, change: dict[str, Any]
) -> None:
    first = post(ada, MILK)
    response = post(ada, {**MILK, **change})
    assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")
    assert [error["field"] for error in response.json()["errors"]] == ["Idempotency-Key"]
    assert content(post(ada, MILK)) == content(first)
    assert stored(ada) == [first.json()]


def test_a_rejected_request_is_not_remembered(ada: Client) -> None:
    assert post(ada, {"title": ""}).status_code == 422
    assert post(ada, MILK).status_code == 201


def test_another_user_may_use_the_same_key(ada: Client, bob: Client) -> None:
    of_ada, of_bob = post(ada, MILK), post(bob, {"title": "Bob's todo"})
    assert (of_ada.status_code, of_bob.status_code) == (201, 201)
    assert stored(bob) == [of_bob.json()]
    assert content(post(ada, MILK)) == content(of_ada)


def test_the_first_response_is_repeated_after_the_todo_changed_or_was_deleted(ada: Client) -> None:
    first = post(ada, MILK)
    location = first.headers["Location"]
    ada.patch(location, json={"title": "Buy bread"})
    assert content(post(ada, MILK)) == content(first)
    ada.delete(location)
    assert content(post(ada, MILK)) == content(first)
    assert stored(ada) == []


def test_a_key_can_be_used_for_a_new_request_after_24_hours(ada: Client, clock: Clock) -> None:
    first = post(ada, MILK)
    clock.advance(hours=24, microseconds=-1)
    assert content(post(ada, MILK)) == content(first)
    clock.advance(microseconds=1)
    second = post(ada, {"title": "Another"})
    assert second.status_code == 201
    assert len(stored(ada)) == 2


@pytest.mark.parametrize(
    "key", ["x", "x" * 255, '"8e03978e-40d5-43e8-bc93-6894a57f9324"', "a b ~!"]
)
def test_printable_ascii_is_accepted_as_a_key(ada: Client, key: str) -> None:
    first = post(ada, MILK, key)
    assert first.status_code == 201
    assert content(post(ada, MILK, key)) == content(first)


INVALID_KEYS = [b"", b"x" * 256, b"\xc3\xa9", b"\xff", b"a\tb", b"\x7f", b"a\x00b"]


@pytest.mark.parametrize("keys", [*([key] for key in INVALID_KEYS), [b"x", b"x"], [b"x", b"y"]])
def test_an_invalid_or_repeated_key_is_reported_and_nothing_is_stored(
    app: FastAPI, ada: Client, runner: asyncio.Runner, keys: list[bytes]
) -> None:
    headers = [(b"authorization", b"Bearer ada"), (b"content-type", b"application/json")]
    headers += [(b"idempotency-key", key) for key in keys]
    body = [json.dumps(MILK).encode()]
    response = runner.run(send_request(app, URL, method="POST", headers=headers, body=body))
    assert response.status == 422
    assert response.json()["code"] == "invalid_request"
    assert [error["field"] for error in response.json()["errors"]] == ["Idempotency-Key"]
    assert stored(ada) == []


def test_an_invalid_key_is_reported_together_with_other_errors(ada: Client) -> None:
    response = post(ada, {"title": ""}, "x" * 256)
    assert {error["field"] for error in response.json()["errors"]} == {"Idempotency-Key", "title"}


def test_openapi_documents_the_key(anonymous: Client) -> None:
    operation = anonymous.get("/openapi.json").json()["paths"][URL]["post"]
    (parameter,) = [
        parameter for parameter in operation["parameters"] if parameter["in"] == "header"
    ]
    assert (parameter["name"], parameter["required"]) == ("Idempotency-Key", False)
    assert "24 hours" in parameter["description"]
    rule = parameter["schema"]
    assert (rule["minLength"], rule["maxLength"], rule["pattern"]) == (1, 255, "^[ -~]+$")
    assert "Idempotency-Replayed" in operation["responses"]["201"]["headers"]
    assert operation["responses"]["201"]["content"]


def test_cors_allows_the_key_and_exposes_the_replay_header(
    make_app: MakeApp, make_client: MakeClient
) -> None:
    client = make_client(make_app(cors_origins=("https://app.example.com",)), "ada")
    origin = {"Origin": "https://app.example.com"}
    preflight = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "idempotency-key, authorization, content-type",
    }
    assert client.options(URL, headers={**origin, **preflight}).status_code == 200
    exposed = client.get(URL, headers=origin).headers["Access-Control-Expose-Headers"]
    assert "Idempotency-Replayed" in exposed


def test_a_key_that_breaks_the_domain_rule_is_an_invalid_parameter() -> None:
    request = Request({"type": "http", "headers": []})
    with pytest.raises(InvalidParameterError) as failure:
        idempotency(request, "x" * 256, MILK)
    assert (failure.value.name, failure.value.problem) == (
        "Idempotency-Key",
        "must be 1 to 255 printable ASCII characters",
    )
