"""Many clients at once, on several processes: no update is lost, and nothing is created twice."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.e2e.backend import UNMEASURED, Backend
from tests.e2e.crowd import crowd
from tests.e2e.databases import Database
from tests.e2e.servers import Servers

CLIENTS = 24
ROUNDS = 5
URL = "/api/todos"
FIELDS: dict[str, Any] = {
    "title": "Changed",
    "description": "by one of many",
    "completed": True,
    "priority": "high",
    "due_at": "2030-01-02T03:04:05Z",
}

Requests = list[dict[str, Any]]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def backend(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, secret: str
) -> Iterator[Backend]:
    """A server of several processes."""
    folder = tmp_path_factory.mktemp("crowd")
    if request.param == "sqlite":
        database = Database.on_file(folder)
    else:
        database = Database.on_server(request.getfixturevalue("postgres_server"))
    with Servers(folder, **UNMEASURED) as servers:
        yield servers.backend(
            DATABASE_URL=database.url, BETTER_AUTH_SECRET=secret, WORKERS="2", LOG_LEVEL="warning"
        )


def at_once(backend: Backend, owner: dict[str, str], requests: Requests) -> list[httpx2.Response]:
    async def send() -> list[httpx2.Response]:
        async with crowd(backend, owner) as client:
            # A connection each, opened before: the requests themselves are to meet.
            await asyncio.gather(*(client.get("/health/live") for _ in requests))
            return await asyncio.gather(*(client.request(**one) for one in requests))

    return asyncio.run(send())


def statuses(answers: list[httpx2.Response]) -> dict[int, int]:
    found = [int(answer.status_code) for answer in answers]
    return {status: found.count(status) for status in found}


def create(backend: Backend, owner: dict[str, str]) -> str:
    answer = backend.client.post(URL, json={"title": "New"}, headers=owner)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["Location"])


def test_of_many_who_change_the_same_version_one_wins_and_the_others_are_told(
    backend: Backend, owner: dict[str, str]
) -> None:
    for _ in range(ROUNDS):
        place = create(backend, owner)
        headers = {"If-Match": '"1"'}
        requests = [
            {"method": "PATCH", "url": place, "headers": headers, "json": {"title": str(number)}}
            for number in range(CLIENTS)
        ]
        answers = at_once(backend, owner, requests)
        assert statuses(answers) == {200: 1, 412: CLIENTS - 1}
        (winner,) = (answer for answer in answers if answer.status_code == 200)
        now = backend.client.get(place, headers=owner)
        assert now.json() == winner.json()
        assert now.headers["ETag"] == '"2"'


def test_of_many_who_change_different_fields_nobody_is_lost(
    backend: Backend, owner: dict[str, str]
) -> None:
    for _ in range(ROUNDS):
        place = create(backend, owner)
        requests = [
            {"method": "PATCH", "url": place, "json": {name: value}}
            for name, value in FIELDS.items()
        ]
        assert statuses(at_once(backend, owner, requests)) == {200: len(FIELDS)}
        now = backend.client.get(place, headers=owner)
        assert {name: now.json()[name] for name in FIELDS} == FIELDS
        assert now.headers["ETag"] == f'"{1 + len(FIELDS)}"'


def test_of_many_who_create_by_the_same_key_one_does_and_all_get_its_answer(
    backend: Backend, owner: dict[str, str]
) -> None:
    for number in range(ROUNDS):
        headers = {"Idempotency-Key": f"key {number}"}
        requests = [
            {"method": "POST", "url": URL, "headers": headers, "json": {"title": "Once"}}
        ] * CLIENTS
        answers = at_once(backend, owner, requests)
        assert statuses(answers) == {201: CLIENTS}
        told = {(one.content, one.headers["Location"], one.headers["ETag"]) for one in answers}
        assert len(told) == 1
        replayed = [one for one in answers if one.headers.get("Idempotency-Replayed") == "true"]
        assert len(replayed) == CLIENTS - 1
        items = backend.client.get(URL, headers=owner).json()["items"]
        assert len(items) == number + 1


def test_of_many_who_delete_the_same_version_one_does(
    backend: Backend, owner: dict[str, str]
) -> None:
    for _ in range(ROUNDS):
        place = create(backend, owner)
        requests: Requests = [{"method": "DELETE", "url": place}] * CLIENTS
        assert statuses(at_once(backend, owner, requests)) == {204: 1, 404: CLIENTS - 1}
