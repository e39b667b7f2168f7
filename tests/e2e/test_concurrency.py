"""Concurrent clients on several worker processes: no lost updates and no duplicates."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.e2e.backend import NO_COVERAGE, Backend
from tests.e2e.clients import concurrent_client
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
    """A backend with two worker processes."""
    folder = tmp_path_factory.mktemp("concurrency")
    if request.param == "sqlite":
        database = Database.create_sqlite(folder)
    else:
        database = Database.create_postgres(request.getfixturevalue("postgres_server"))
    with Servers(folder, **NO_COVERAGE) as servers:
        yield servers.backend(
            DATABASE_URL=database.url, BETTER_AUTH_SECRET=secret, WORKERS="2", LOG_LEVEL="warning"
        )


def send_concurrently(
    backend: Backend, headers: dict[str, str], requests: Requests
) -> list[httpx2.Response]:
    async def send() -> list[httpx2.Response]:
        async with concurrent_client(backend, headers) as client:
            # Open one connection per request first, so that the requests themselves overlap.
            await asyncio.gather(*(client.get("/health/live") for _ in requests))
            return await asyncio.gather(*(client.request(**request) for request in requests))

    return asyncio.run(send())


def count_statuses(responses: list[httpx2.Response]) -> dict[int, int]:
    statuses = [int(response.status_code) for response in responses]
    return {status: statuses.count(status) for status in statuses}


def create(backend: Backend, headers: dict[str, str]) -> str:
    response = backend.client.post(URL, json={"title": "New"}, headers=headers)
    assert response.status_code == 201, response.text
    return str(response.headers["Location"])


def test_one_of_many_conditional_updates_of_a_version_succeeds_and_the_others_get_412(
    backend: Backend, auth_headers: dict[str, str]
) -> None:
    for _ in range(ROUNDS):
        url = create(backend, auth_headers)
        headers = {"If-Match": '"1"'}
        requests = [
            {"method": "PATCH", "url": url, "headers": headers, "json": {"title": str(number)}}
            for number in range(CLIENTS)
        ]
        responses = send_concurrently(backend, auth_headers, requests)
        assert count_statuses(responses) == {200: 1, 412: CLIENTS - 1}
        (success,) = (response for response in responses if response.status_code == 200)
        stored = backend.client.get(url, headers=auth_headers)
        assert stored.json() == success.json()
        assert stored.headers["ETag"] == '"2"'


def test_concurrent_updates_of_different_fields_are_all_stored(
    backend: Backend, auth_headers: dict[str, str]
) -> None:
    for _ in range(ROUNDS):
        url = create(backend, auth_headers)
        requests = [
            {"method": "PATCH", "url": url, "json": {name: value}} for name, value in FIELDS.items()
        ]
        responses = send_concurrently(backend, auth_headers, requests)
        assert count_statuses(responses) == {200: len(FIELDS)}
        stored = backend.client.get(url, headers=auth_headers)
        assert {name: stored.json()[name] for name in FIELDS} == FIELDS
        assert stored.headers["ETag"] == f'"{1 + len(FIELDS)}"'


def test_concurrent_requests_with_one_idempotency_key_create_one_todo_and_get_the_same_response(
    backend: Backend, auth_headers: dict[str, str]
) -> None:
    for number in range(ROUNDS):
        headers = {"Idempotency-Key": f"key {number}"}
        requests = [
            {"method": "POST", "url": URL, "headers": headers, "json": {"title": "Once"}}
        ] * CLIENTS
        responses = send_concurrently(backend, auth_headers, requests)
        assert count_statuses(responses) == {201: CLIENTS}
        distinct = {
            (response.content, response.headers["Location"], response.headers["ETag"])
            for response in responses
        }
        assert len(distinct) == 1
        replayed = [
            response
            for response in responses
            if response.headers.get("Idempotency-Replayed") == "true"
        ]
        assert len(replayed) == CLIENTS - 1
        items = backend.client.get(URL, headers=auth_headers).json()["items"]
        assert len(items) == number + 1


def test_one_of_many_concurrent_deletes_succeeds_and_the_others_get_404(
    backend: Backend, auth_headers: dict[str, str]
) -> None:
    for _ in range(ROUNDS):
        url = create(backend, auth_headers)
        requests: Requests = [{"method": "DELETE", "url": url}] * CLIENTS
        responses = send_concurrently(backend, auth_headers, requests)
        assert count_statuses(responses) == {204: 1, 404: CLIENTS - 1}
