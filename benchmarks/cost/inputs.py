"""Requests of every kind, among them requests that are likely to cost the most for each byte."""

from collections.abc import Iterator

from benchmarks.cost import bodies, heads
from benchmarks.cost.requests import PLAIN, SHORT_TODO, Input, Users, request

UNKNOWN_ID = "01a1fb5f-f08e-7f5e-9cb6-2719083547c9"


def all_inputs(users: Users) -> list[Input]:
    todo = f"/api/todos/{users.todo_id}"
    return [
        *_plain(users, todo),
        *heads.queries(users.reader),
        *heads.paths(users.reader),
        *heads.headers(users.writer, todo),
        *heads.credentials(users.reader),
        *heads.cookies(),
        *bodies.bodies(users.writer, todo),
        *bodies.chunks(users.writer),
        *_answers(users.hoarder),
    ]


def _plain(users: Users, todo: str) -> Iterator[Input]:
    reader, writer = users.reader, users.writer
    for name, data in {
        PLAIN: request(PLAIN, token=reader),
        "GET /api/todos": request("GET /api/todos", token=reader),
        "GET /api/todos?limit=100": request("GET /api/todos?limit=100", token=reader),
        "GET /api/todos/{id}": request(f"GET {todo}", token=writer),
        "GET /api/todos/{id}, unknown": request(f"GET /api/todos/{UNKNOWN_ID}", token=reader),
        "POST /api/todos": request("POST /api/todos", token=writer, body=SHORT_TODO),
        "PATCH /api/todos/{id}": request(f"PATCH {todo}", token=writer, body=SHORT_TODO),
        "DELETE /api/todos/{id}, unknown": request(f"DELETE /api/todos/{UNKNOWN_ID}", token=writer),
        "PUT /api/todos": request("PUT /api/todos", token=reader),
        "GET /api/me, no token": request(PLAIN),
        "GET /health/live": request("GET /health/live"),
        "GET /health/ready": request("GET /health/ready"),
        "GET /metrics": request("GET /metrics"),
        "GET /openapi.json": request("GET /openapi.json"),
        "GET /docs": request("GET /docs"),
        "GET /none": request("GET /none"),
    }.items():
        yield Input(group="plain", name=name, data=(data,))


def _answers(token: str) -> Iterator[Input]:
    for name, query in {
        "20 long todos": "",
        "100 long todos": "?limit=100",
        "search in 100 long todos": "?limit=100&q=" + "y" * 100,
    }.items():
        data = request(f"GET /api/todos{query}", token=token)
        yield Input(group="answer", name=name, data=(data,))
