"""Requests to the Todo API that several tests share."""

import json
from typing import Any, Final

from fastapi import FastAPI
from httpx2 import Client, Response

from tests.entrypoints.http.asgi_client import RawResponse, send_request

URL: Final = "/api/todos"
UNKNOWN_TODO: Final = f"{URL}/01a1fb5f-f08e-7f5e-9cb6-2719083547c9"
JSON_BODY: Final = {"Content-Type": "application/json"}
MILK: Final = {
    "title": "Buy milk",
    "description": "two litres",
    "completed": False,
    "priority": "high",
    "due_at": "2026-03-05T18:00:00Z",
}


def add(client: Client, title: Any = "Buy milk", **fields: Any) -> dict[str, Any]:
    """Create a todo and return it."""
    response = client.post(URL, json={"title": title, **fields})
    assert response.status_code == 201, response.text
    todo: dict[str, Any] = response.json()
    return todo


def titles(client: Client, **query: Any) -> list[str]:
    """Return the titles of a page of todos."""
    response = client.get(URL, params=query)
    assert response.status_code == 200, response.text
    return [todo["title"] for todo in response.json()["items"]]


def path_of(todo: dict[str, Any]) -> str:
    return f"{URL}/{todo['id']}"


def invalid_fields(response: Response) -> set[str]:
    """Return the fields that a 422 reports."""
    assert response.status_code == 422, response.text
    return {error["field"] for error in response.json()["errors"]}


async def send_as_ada(
    app: FastAPI, method: str, path: str, body: Any = None, *headers: tuple[bytes, bytes]
) -> RawResponse:
    """Send a request in the running event loop, so that tests can send several at once."""
    credentials = (b"authorization", b"Bearer ada")
    content_type = (b"content-type", b"application/json")
    content = [json.dumps(body).encode()]
    return await send_request(
        app, path, method=method, headers=[credentials, content_type, *headers], body=content
    )
