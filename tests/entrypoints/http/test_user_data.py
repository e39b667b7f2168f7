"""`DELETE /api/me` and `GET /api/me/export`: the data of the caller."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Final

import pytest
from fastapi import FastAPI
from httpx2 import Client, Response
from starlette.types import Message

from backend.adapters.persistence.memory import InMemoryTodoRepository
from backend.domain.todo import Todo
from backend.domain.todo_list import TodoPage, TodoQuery
from backend.domain.todo_repository import RepositoryUnavailableError
from backend.testing.fakes import FakeTokenVerifier
from tests.entrypoints.http.asgi_client import send_request
from tests.entrypoints.http.broken_todos import BrokenTodos
from tests.entrypoints.http.conftest import ADA, START, Clock, MakeApp, MakeClient
from tests.entrypoints.http.sockets import Server, request
from tests.entrypoints.http.todos.api import MILK, URL, add, send_as_ada, titles

ME: Final = "/api/me"
EXPORT: Final = "/api/me/export"
KEY: Final = {"Idempotency-Key": "a-key"}
COOKIE: Final = (b"cookie", b"better-auth.session_data=ada-session")
PAGE: Final = "https://app.example.com"


def lines_of(response: Response) -> list[dict[str, Any]]:
    """Return the lines of an export. Each line is an object with a single member."""
    assert response.status_code == 200, response.text
    assert response.text.endswith("\n")
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert all(len(line) == 1 for line in lines)
    return lines


def exported_todos(response: Response) -> list[dict[str, Any]]:
    """Return the todos of a complete export."""
    first, *todos, last = lines_of(response)
    assert first.keys() == {"export"}
    assert last == {"end": {"todos": len(todos)}}
    return [line["todo"] for line in todos]


class TestDeletion:
    def test_everything_is_deleted_by_every_call(self, ada: Client) -> None:
        add(ada, **MILK)
        add(ada)
        for _ in range(2):
            response = ada.delete(ME)
            assert (response.status_code, response.content) == (204, b"")
            assert "Content-Type" not in response.headers
            assert titles(ada) == []

    def test_the_data_of_other_users_stays(self, ada: Client, bob: Client) -> None:
        add(bob, "Bob's")
        add(ada, "Ada's")
        ada.delete(ME)
        assert titles(bob) == ["Bob's"]

    def test_a_repeated_creation_does_not_return_a_deleted_todo(self, ada: Client) -> None:
        body = {"title": "Buy milk"}
        first = ada.post(URL, json=body, headers=KEY).json()
        ada.delete(ME)
        again = ada.post(URL, json=body, headers=KEY)
        assert again.status_code == 201
        assert "Idempotency-Replayed" not in again.headers
        assert again.json()["id"] != first["id"]
        assert ada.get(again.headers["Location"]).json() == again.json()

    def test_the_token_stays_valid(self, ada: Client) -> None:
        ada.delete(ME)
        assert ada.get(ME).json()["user_id"] == "ada"
        add(ada, "Another")
        assert titles(ada) == ["Another"]

    def test_anonymous_callers_get_401(self, ada: Client, anonymous: Client) -> None:
        add(ada)
        assert anonymous.delete(ME).json()["code"] == "missing_token"
        assert len(titles(ada)) == 1

    def test_a_user_id_in_the_request_is_ignored(self, ada: Client, bob: Client) -> None:
        add(bob)
        assert ada.delete(f"{ME}?user_id=bob").status_code == 204
        assert ada.request("DELETE", ME, json={"user_id": "bob"}).status_code == 204
        assert len(titles(bob)) == 1

    @pytest.mark.anyio
    async def test_only_a_trusted_page_deletes_with_a_cookie(self, make_app: MakeApp) -> None:
        sessions = FakeTokenVerifier({"ada-session": ADA})
        parts = {"session_verifier": sessions}
        app = make_app(auth_cookie="compact", cors_origins=PAGE, parts=parts)
        await send_as_ada(app, "POST", URL, {"title": "x"})

        async def delete(*headers: tuple[bytes, bytes]) -> int:
            return (await send_request(app, ME, method="DELETE", headers=[COOKIE, *headers])).status

        async def count() -> int:
            return len((await send_as_ada(app, "GET", URL)).json()["items"])

        assert await delete() == 403
        assert await delete((b"origin", b"https://evil.example")) == 403
        assert await delete((b"origin", b"null")) == 403
        assert await count() == 1
        assert await delete((b"origin", PAGE.encode())) == 204
        assert await count() == 0

    def test_an_unavailable_database_is_a_503(
        self, make_app: MakeApp, make_client: MakeClient
    ) -> None:
        class BrokenUserData:
            async def remove(self, user_id: str, /) -> None:
                raise RepositoryUnavailableError(f"no database for {user_id}", retry_after=4)

        ada = make_client(make_app(parts={"user_data": BrokenUserData()}), "ada")
        response = ada.delete(ME)
        assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")
        assert response.headers["Retry-After"] == "4"

    @pytest.mark.anyio
    async def test_creations_at_the_same_time_leave_a_consistent_state(self, app: FastAPI) -> None:
        creations = [
            send_as_ada(app, "POST", URL, {"title": "x"}, (b"idempotency-key", b"%d" % number))
            for number in range(20)
        ]
        deletions = [send_as_ada(app, "DELETE", ME) for _ in range(5)]
        answers = await asyncio.gather(*creations[:10], *deletions, *creations[10:])
        assert {answer.status for answer in answers} == {201, 204}
        listed = (await send_as_ada(app, "GET", f"{URL}?limit=100")).json()["items"]
        created = {answer.json()["id"] for answer in answers if answer.status == 201}
        assert {todo["id"] for todo in listed} <= created


class TestExport:
    def test_the_first_line_names_the_user_and_the_time(self, ada: Client) -> None:
        first, *_ = lines_of(ada.get(EXPORT))
        assert first == {"export": {"user_id": "ada", "exported_at": "2026-03-04T05:06:07Z"}}

    def test_a_todo_has_every_field(self, ada: Client) -> None:
        todo = add(ada, **MILK)
        changed = ada.patch(f"{URL}/{todo['id']}", json={"completed": True})
        (exported,) = exported_todos(ada.get(EXPORT))
        assert exported == {**changed.json(), "version": 2}
        assert exported.keys() == {field.name for field in Todo.__dataclass_fields__.values()}

    def test_a_user_without_todos_has_two_lines(self, ada: Client) -> None:
        assert [*map(list, lines_of(ada.get(EXPORT)))] == [["export"], ["end"]]

    def test_the_headers_let_a_browser_save_a_file(self, ada: Client) -> None:
        headers = ada.get(EXPORT).headers
        assert headers["Content-Type"] == "application/jsonl"
        assert headers["Content-Disposition"] == 'attachment; filename="export.jsonl"'
        assert headers["Cache-Control"] == "private, no-cache"

    @pytest.mark.parametrize("number", [24, 25, 26, 60])
    def test_every_page_is_exported_the_oldest_todo_first(
        self, ada: Client, clock: Clock, number: int
    ) -> None:
        for index in range(number):
            add(ada, str(index))
            clock.advance(seconds=1)
        exported = exported_todos(ada.get(EXPORT))
        assert [todo["title"] for todo in exported] == [*map(str, range(number))]

    def test_any_text_is_one_line(self, ada: Client) -> None:
        text = 'a\nb\r\n\u2028\u2029\x85"\\{}\U0001f600'
        add(ada, "x", description=text)
        raw = ada.get(EXPORT).content
        assert raw.count(b"\n") == 3
        assert json.loads(raw.split(b"\n")[1])["todo"]["description"] == text

    def test_the_todos_of_other_users_are_not_exported(self, ada: Client, bob: Client) -> None:
        add(bob, "Bob's")
        assert exported_todos(ada.get(EXPORT)) == []

    def test_anonymous_callers_get_401(self, anonymous: Client) -> None:
        assert anonymous.get(EXPORT).json()["code"] == "missing_token"

    def test_head_has_the_same_headers_and_reads_one_page(
        self, app: FastAPI, ada: Client, todos: InMemoryTodoRepository
    ) -> None:
        for _ in range(60):
            add(ada)
        counting = CountingTodos(todos)
        app.state.todos = counting
        head = ada.head(EXPORT)
        assert (head.status_code, head.content, counting.pages) == (200, b"", 1)
        get = ada.get(EXPORT)
        for response in (head, get):
            del response.headers["X-Request-ID"]
        get.headers.pop("Content-Length", None)  # the test client adds it
        assert head.headers == get.headers

    def test_an_unavailable_database_is_a_503(
        self, make_app: MakeApp, make_client: MakeClient
    ) -> None:
        todos = BrokenTodos(RepositoryUnavailableError("down", retry_after=4))
        ada = make_client(make_app(parts={"todos": todos}), "ada")
        for response in (ada.get(EXPORT), ada.head(EXPORT)):
            assert (response.status_code, response.headers["Retry-After"]) == (503, "4")

    @pytest.mark.anyio
    async def test_the_next_page_is_read_when_the_client_has_taken_the_previous_page(
        self, app: FastAPI, todos: InMemoryTodoRepository
    ) -> None:
        for _ in range(100):
            await todos.add("ada", Todo.create(now=START, title="x"))
        counting = CountingTodos(todos)
        app.state.todos = counting
        pages: list[int] = []

        async def receive() -> Message:
            return await asyncio.Future()

        async def send(message: Message) -> None:
            if message["type"] == "http.response.body":
                pages.append(counting.pages)

        scope: dict[str, Any] = {
            "type": "http",
            "method": "GET",
            "path": EXPORT,
            "query_string": b"",
        }
        scope |= {"headers": [(b"authorization", b"Bearer ada")], "asgi": {"version": "3.0"}}
        await app(scope, receive, send)
        assert pages == [1, 1, 2, 3, 4, 4, 4]

    def test_a_failure_in_the_middle_breaks_the_connection(
        self, make_app: MakeApp, todos: InMemoryTodoRepository, caplog: pytest.LogCaptureFixture
    ) -> None:
        asyncio.run(add_many(todos, 60))
        app = make_app(parts={"todos": CountingTodos(todos, pages_max=2)})
        with Server(app) as server, server.connect() as connection:
            connection.sendall(request(b"GET /api/me/export", b"Authorization: Bearer ada"))
            received = bytearray()
            while data := connection.recv(65_536):
                received += data
        head, _, body = received.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert b"transfer-encoding: chunked" in head.lower()
        assert body.count(b'{"todo":') == 50
        assert b'{"end":' not in body
        assert not body.endswith(b"0\r\n\r\n")
        assert "unavailable: database: the database is down." in caplog.text
        assert "Traceback" not in caplog.text


class CountingTodos:
    """Counts the pages that are read, and fails after some of them."""

    def __init__(self, todos: InMemoryTodoRepository, *, pages_max: int = 100) -> None:
        self.pages = 0
        self._todos = todos
        self._pages_max = pages_max

    async def list(self, user_id: str, query: TodoQuery, /) -> TodoPage:
        if self.pages == self._pages_max:
            raise RepositoryUnavailableError("the database is down")
        self.pages += 1
        return await self._todos.list(user_id, query)


async def add_many(todos: InMemoryTodoRepository, number: int) -> Sequence[Todo]:
    added = [Todo.create(now=START, title="x") for _ in range(number)]
    return [await todos.add("ada", todo) for todo in added]
