"""A request that is sent again with its key: answered as it was, and done once."""

import asyncio
import json
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import Client, Response

from tests.entrypoints.http.asgi_client import send_request
from tests.entrypoints.http.conftest import Clock, MakeApp, MakeClient

URL = "/api/todos"
MILK = {"title": "Buy milk", "description": "two litres", "due_at": "2026-03-05T18:00:00Z"}


def post(client: Client, body: Any, key: str = "a key") -> Response:
    return client.post(URL, json=body, headers={"Idempotency-Key": key})


def said(answer: Response) -> tuple[int, str, str, bytes]:
    """Return all that an answer tells its caller."""
    headers = answer.headers
    return answer.status_code, headers["Location"], headers["ETag"], answer.content


def kept(client: Client) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get(URL).json()["items"]
    return items


def test_the_same_request_is_given_the_same_answer_and_done_once(ada: Client, clock: Clock) -> None:
    first = post(ada, MILK)
    assert first.status_code == 201
    assert "Idempotency-Replayed" not in first.headers
    for _ in range(3):
        clock.advance(minutes=10)
        again = post(ada, MILK)
        assert said(again) == said(first)
        assert again.headers["Idempotency-Replayed"] == "true"
    assert kept(ada) == [first.json()]


def test_without_a_key_every_request_is_done(ada: Client) -> None:
    for _ in range(2):
        answer = ada.post(URL, json=MILK)
        assert "Idempotency-Replayed" not in answer.headers
    assert len(kept(ada)) == 2


@pytest.mark.parametrize(
    ("one", "another"),
    [
        (b'{"title":"x","priority":"low"}', b'{ "priority": "low",\r\n "title": "\\u0078" }'),
        (b'{"title":"x"}', b'{"title":"x","completed":false,"description":null}'),
        (
            b'{"title":"x","due_at":"2026-03-05T18:00:00Z"}',
            b'{"title":"x","due_at":"2026-03-05 20:00:00.000+02:00"}',
        ),
    ],
)
def test_a_request_is_the_same_however_it_is_spelled(
    ada: Client, one: bytes, another: bytes
) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": "x"}
    first, second = (ada.post(URL, content=body, headers=headers) for body in (one, another))
    assert said(second) == said(first)


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
def test_another_request_by_the_same_key_is_refused(ada: Client, change: dict[str, Any]) -> None:
    first = post(ada, MILK)
    answer = post(ada, {**MILK, **change})
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert [error["field"] for error in answer.json()["errors"]] == ["Idempotency-Key"]
    assert said(post(ada, MILK)) == said(first)
    assert kept(ada) == [first.json()]


def test_a_refusal_is_not_remembered(ada: Client) -> None:
    assert post(ada, {"title": ""}).status_code == 422
    assert post(ada, MILK).status_code == 201


def test_another_user_may_use_the_same_key(ada: Client, bob: Client) -> None:
    hers, his = post(ada, MILK), post(bob, {"title": "His"})
    assert (hers.status_code, his.status_code) == (201, 201)
    assert kept(bob) == [his.json()]
    assert said(post(ada, MILK)) == said(hers)


def test_the_first_answer_is_given_whatever_became_of_the_todo(ada: Client) -> None:
    first = post(ada, MILK)
    place = first.headers["Location"]
    ada.patch(place, json={"title": "Buy bread"})
    assert said(post(ada, MILK)) == said(first)
    ada.delete(place)
    assert said(post(ada, MILK)) == said(first)
    assert kept(ada) == []


def test_a_day_later_the_key_is_as_good_as_new(ada: Client, clock: Clock) -> None:
    first = post(ada, MILK)
    clock.advance(hours=24, microseconds=-1)
    assert said(post(ada, MILK)) == said(first)
    clock.advance(microseconds=1)
    second = post(ada, {"title": "Another"})
    assert second.status_code == 201
    assert len(kept(ada)) == 2


@pytest.mark.parametrize(
    "key", ["x", "x" * 255, '"8e03978e-40d5-43e8-bc93-6894a57f9324"', "a b ~!"]
)
def test_a_key_is_any_short_printable_text(ada: Client, key: str) -> None:
    first = post(ada, MILK, key)
    assert first.status_code == 201
    assert said(post(ada, MILK, key)) == said(first)


BAD_KEYS = [b"", b"x" * 256, b"\xc3\xa9", b"\xff", b"a\tb", b"\x7f", b"a\x00b"]


@pytest.mark.parametrize("keys", [*([key] for key in BAD_KEYS), [b"x", b"x"], [b"x", b"y"]])
def test_any_other_key_is_named_and_nothing_is_kept(
    app: FastAPI, ada: Client, runner: asyncio.Runner, keys: list[bytes]
) -> None:
    headers = [(b"authorization", b"Bearer ada"), (b"content-type", b"application/json")]
    headers += [(b"idempotency-key", key) for key in keys]
    body = [json.dumps(MILK).encode()]
    answer = runner.run(send_request(app, URL, method="POST", headers=headers, body=body))
    assert answer.status == 422
    assert answer.json()["code"] == "invalid_request"
    assert [error["field"] for error in answer.json()["errors"]] == ["Idempotency-Key"]
    assert kept(ada) == []


def test_a_wrong_key_is_named_along_with_what_else_is_wrong(ada: Client) -> None:
    answer = post(ada, {"title": ""}, "x" * 256)
    assert {error["field"] for error in answer.json()["errors"]} == {"Idempotency-Key", "title"}


def test_the_document_tells_of_the_key(anonymous: Client) -> None:
    operation = anonymous.get("/openapi.json").json()["paths"][URL]["post"]
    (parameter,) = [one for one in operation["parameters"] if one["in"] == "header"]
    assert (parameter["name"], parameter["required"]) == ("Idempotency-Key", False)
    assert "24 hours" in parameter["description"]
    (rule, _null) = parameter["schema"]["anyOf"]
    assert (rule["minLength"], rule["maxLength"], rule["pattern"]) == (1, 255, "^[ -~]+$")
    assert "Idempotency-Replayed" in operation["responses"]["201"]["headers"]
    assert operation["responses"]["201"]["content"]


def test_pages_of_other_origins_may_send_the_key_and_read_what_it_did(
    make_app: MakeApp, make_client: MakeClient
) -> None:
    client = make_client(make_app(cors_origins=("https://app.example.com",)), "ada")
    origin = {"Origin": "https://app.example.com"}
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "idempotency-key, authorization, content-type",
    }
    assert client.options(URL, headers={**origin, **asked}).status_code == 200
    exposed = client.get(URL, headers=origin).headers["Access-Control-Expose-Headers"]
    assert "Idempotency-Replayed" in exposed
