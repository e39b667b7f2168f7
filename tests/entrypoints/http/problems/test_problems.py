"""Every error is a problem of the same form, which says what the caller may know."""

import json
import logging
from typing import Any, NoReturn

import pytest
from fastapi import FastAPI, HTTPException
from httpx2 import Client

from backend.adapters.persistence.memory import InMemoryTodoRepository
from backend.domain.auth import (
    AuthError,
    ExpiredTokenError,
    InvalidTokenError,
    MalformedAuthorizationError,
    MissingTokenError,
    VerifierUnavailableError,
)
from backend.domain.todo_list import TodoQuery
from backend.domain.todo_repository import RepositoryUnavailableError
from backend.entrypoints.http.problems.handlers import MAX_FIELD_PROBLEMS
from tests.entrypoints.http.conftest import MakeApp, MakeClient
from tests.fakes import FakeTokenVerifier

NOBODY = "01a1fb5f-f08e-7f5e-9cb6-2719083547c9"
FOR_THE_LOG = "only the operator may read this"
JSON = {"Content-Type": "application/json"}


def family(kind: type[AuthError]) -> list[type[AuthError]]:
    return [kind, *(one for child in kind.__subclasses__() for one in family(child))]


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """Return a problem, once it is seen to be a well-formed one."""
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    said: dict[str, Any] = answer.json()
    assert set(said) - {"errors"} == {"type", "title", "status", "code", "detail", "request_id"}
    assert (said["type"], said["status"], said["code"]) == ("about:blank", status, code)
    assert said["title"]
    assert said["detail"]
    assert said["request_id"] == answer.headers["X-Request-ID"]
    return said


def fields(answer: Any) -> dict[str, str]:
    """Return what is wrong with which part of the request."""
    said = problem(answer, 422, "invalid_request")
    return {error["field"]: error["detail"] for error in said["errors"]}


class BrokenTodos(InMemoryTodoRepository):
    """Fails as it is told to."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    async def list(self, user_id: str, query: TodoQuery, /) -> NoReturn:
        raise self._error


@pytest.mark.parametrize("kind", family(AuthError))
def test_every_refusal_is_the_same_well_formed_401(
    ada: Client, verifier: FakeTokenVerifier, kind: type[AuthError]
) -> None:
    verifier.known["ada"] = kind(FOR_THE_LOG)
    answer = ada.get("/api/me")
    said = problem(answer, 401, kind.code)
    assert said["detail"] == kind.detail
    assert "errors" not in said
    challenge = 'Bearer realm="api"'
    if kind is not MissingTokenError:
        challenge += f', error="invalid_token", error_description="{kind.detail}"'
    assert answer.headers["WWW-Authenticate"] == challenge
    assert answer.headers["Cache-Control"] == "no-store"
    for hidden in {FOR_THE_LOG, kind.reason} - {kind.code}:
        assert hidden not in answer.text
        assert hidden not in str(answer.headers)


def test_there_are_four_codes_of_refusals() -> None:
    assert {kind.code for kind in family(AuthError)} == {
        kind.code
        for kind in (
            MissingTokenError,
            MalformedAuthorizationError,
            ExpiredTokenError,
            InvalidTokenError,
        )
    }


def test_the_log_says_why_a_request_was_refused_and_which(
    ada: Client, verifier: FakeTokenVerifier, caplog: pytest.LogCaptureFixture
) -> None:
    verifier.known["ada"] = ExpiredTokenError(FOR_THE_LOG)
    with caplog.at_level(logging.INFO):
        answer = ada.get("/api/me", headers={"X-Request-ID": "the-one"})
    assert answer.json()["request_id"] == "the-one"
    (record,) = [one for one in caplog.records if FOR_THE_LOG in one.getMessage()]
    assert (record.levelname, record.__dict__["reason"]) == ("INFO", "token_expired")
    assert record.__dict__["request_id"] == "the-one"


@pytest.mark.parametrize(
    ("seconds", "header"), [(0.0, "1"), (0.2, "1"), (1.0, "1"), (1.5, "2"), (30.0, "30")]
)
def test_what_cannot_be_told_now_is_told_later(
    ada: Client, verifier: FakeTokenVerifier, seconds: float, header: str
) -> None:
    verifier.known["ada"] = VerifierUnavailableError(FOR_THE_LOG, retry_after=seconds)
    answer = ada.get("/api/me")
    problem(answer, 503, "verifier_unavailable")
    assert answer.headers["Retry-After"] == header
    assert "WWW-Authenticate" not in answer.headers
    assert FOR_THE_LOG not in answer.text


def test_todos_out_of_reach_are_told_later(
    make_app: MakeApp, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    broken = BrokenTodos(RepositoryUnavailableError(FOR_THE_LOG, retry_after=4))
    answer = make_client(make_app(parts={"todos": broken}), "ada").get("/api/todos")
    said = problem(answer, 503, "database_unavailable")
    assert answer.headers["Retry-After"] == "4"
    assert FOR_THE_LOG not in answer.text
    (record,) = [one for one in caplog.records if FOR_THE_LOG in one.getMessage()]
    assert (record.levelname, record.__dict__["request_id"]) == ("ERROR", said["request_id"])


def test_the_unexpected_says_nothing_to_the_caller(
    make_app: MakeApp, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(parts={"todos": BrokenTodos(RuntimeError(FOR_THE_LOG))})
    client = make_client(app, "ada", raising=False)
    answer = client.get("/api/todos")
    said = problem(answer, 500, "internal_error")
    for hidden in (FOR_THE_LOG, "RuntimeError", "Traceback", ".py"):
        assert hidden not in answer.text
    (record,) = [one for one in caplog.records if "RuntimeError" in one.getMessage()]
    assert (record.levelname, record.__dict__["request_id"]) == ("ERROR", said["request_id"])


def test_the_unexpected_goes_on_to_the_server_which_logs_it_whole(
    make_app: MakeApp, make_client: MakeClient
) -> None:
    client = make_client(make_app(parts={"todos": BrokenTodos(RuntimeError(FOR_THE_LOG))}), "ada")
    with pytest.raises(RuntimeError, match=FOR_THE_LOG):
        client.get("/api/todos")


@pytest.mark.parametrize("path", ["/", "/api", "/api/", "/api/nothing", "/api/todos/", "/api/me/x"])
def test_what_is_not_there_is_not_found(anyone: Client, path: str) -> None:
    answer = anyone.get(path, follow_redirects=False)
    problem(answer, 404, "not_found")


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_a_todo_that_is_not_there_is_not_found(ada: Client, method: str) -> None:
    answer = ada.request(method, f"/api/todos/{NOBODY}", json={} if method == "PATCH" else None)
    problem(answer, 404, "todo_not_found")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/todos", "GET, POST"),
        (f"/api/todos/{NOBODY}", "DELETE, GET, PATCH"),
        ("/api/me", "GET"),
        ("/health/ready", "GET"),
        ("/metrics", "GET"),
        ("/openapi.json", "GET, HEAD"),
    ],
)
def test_another_method_is_told_all_that_there_are(anyone: Client, path: str, allowed: str) -> None:
    answer = anyone.put(path)
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == allowed


def test_a_body_that_is_too_large_is_told_so(ada: Client) -> None:
    answer = ada.post("/api/todos", content=b" " * 70_000, headers=JSON)
    problem(answer, 413, "content_too_large")


@pytest.mark.parametrize(
    "body",
    [
        b'{"title": ' + b"9" * 5_000 + b"}",
        b'{"title": "\xff"}',
        b"\x80",
        b"\xef\xbb\xbf\xff",
        b"\xff\xfe{",
    ],
)
def test_a_body_that_cannot_be_read_is_told_so(ada: Client, body: bytes) -> None:
    problem(ada.post("/api/todos", content=body, headers=JSON), 400, "bad_request")
    assert ada.get("/api/todos").json()["items"] == []


@pytest.mark.parametrize(
    "body",
    [b"[" * 60_000, b'{"title":' * 7_000, b'{"title":' + b"[" * 30_000 + b"]" * 30_000 + b"}"],
)
def test_a_body_that_is_nested_too_deeply_is_refused(ada: Client, body: bytes) -> None:
    answer = ada.post("/api/todos", content=body, headers=JSON)
    assert answer.status_code in {400, 422}  # how deep is too deep depends on the Python
    problem(answer, answer.status_code, answer.json()["code"])
    assert ada.get("/api/todos").json()["items"] == []


@pytest.mark.parametrize(
    ("body", "line", "column"),
    [
        (b"{", 1, 2),
        (b"}", 1, 1),
        (b"{'title': 1}", 1, 2),
        (b'{"title": "\0"}', 1, 12),
        (b"nope", 1, 1),
        (b'"', 1, 1),
        (b'{\n  "title": "Buy milk",\n  nope\n}', 3, 3),
    ],
)
def test_a_body_that_is_not_json_is_named_with_the_place(
    ada: Client, body: bytes, line: int, column: int
) -> None:
    answer = ada.post("/api/todos", content=body, headers=JSON)
    assert fields(answer) == {"body": f"JSON decode error in line {line}, column {column}"}


@pytest.mark.parametrize(
    "headers",
    [{}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}],
)
def test_a_body_that_is_not_said_to_be_json_is_told_how_to_be(
    ada: Client, headers: dict[str, str]
) -> None:
    answer = ada.post("/api/todos", content=b'{"title": "Buy milk"}', headers=headers)
    assert fields(answer) == {"body": "send it as JSON, with Content-Type: application/json"}


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"x"', b"true", b"", b"NaN", b"-Infinity"])
def test_a_body_that_is_no_object_is_named(ada: Client, body: bytes) -> None:
    assert set(fields(ada.post("/api/todos", content=body, headers=JSON))) == {"body"}


@pytest.mark.parametrize(
    "kind",
    [None, "text/plain", "application/x-www-form-urlencoded", "json", "application/jsonx", ""],
)
def test_a_body_of_another_type_is_named(ada: Client, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    answer = ada.post("/api/todos", content=b'{"title": "x"}', headers=headers)
    assert set(fields(answer)) == {"body"}


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json"]
)
def test_json_has_many_names(ada: Client, kind: str) -> None:
    answer = ada.post("/api/todos", content=b'{"title": "x"}', headers={"Content-Type": kind})
    assert answer.status_code == 201


def test_everything_that_is_wrong_is_named_at_once(ada: Client) -> None:
    body = {"title": "", "completed": 1, "priority": "urgent", "due_at": "soon", "color": "red"}
    found = fields(ada.post("/api/todos", json=body))
    assert set(found) == {"title", "completed", "priority", "due_at", "color"}
    assert found["priority"] == "Input should be 'low', 'normal' or 'high'"
    assert found["due_at"].startswith("must be a time")


SECRET = "hunter2"


@pytest.mark.parametrize(
    "body",
    [
        {"title": [SECRET]},
        {"title": SECRET * 100},
        {"title": {SECRET: SECRET}},
        {"title": "x", "description": [SECRET]},
        {"title": "x", "completed": SECRET},
        {"title": "x", "priority": SECRET},
        {"title": "x", "due_at": SECRET},
        {"title": "x", "due_at": f"2026-01-01T00:00:00{SECRET}"},
        {"title": "x", "color": SECRET},
        [SECRET],
        SECRET,
    ],
)
def test_what_was_sent_is_not_repeated(ada: Client, body: Any) -> None:
    answer = ada.post("/api/todos", json=body)
    assert answer.status_code == 422
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    "query",
    ["limit", "cursor", "sort", "completed", "priority", "due_before", "color", "q"],
)
def test_what_was_asked_is_not_repeated(ada: Client, query: str) -> None:
    value = SECRET * 30 if query == "q" else SECRET
    answer = ada.get("/api/todos", params={query: value})
    assert set(fields(answer)) == {query}
    assert SECRET not in answer.text


@pytest.mark.parametrize("todo_id", ["zz", "1", NOBODY + "z", "%00", "%ff", "\u00e9", "%2e%2e"])
def test_an_id_that_is_none_is_named_and_not_repeated(ada: Client, todo_id: str) -> None:
    answer = ada.get(f"/api/todos/{todo_id}")
    assert fields(answer) == {"todo_id": "Input should be a valid UUID"}


def test_thousands_of_mistakes_are_not_all_told(ada: Client) -> None:
    body = json.dumps({f"field{number}": 1 for number in range(4000)})
    answer = ada.post("/api/todos", content=body, headers=JSON)
    assert len(problem(answer, 422, "invalid_request")["errors"]) == MAX_FIELD_PROBLEMS
    assert len(answer.content) < 4000


def test_a_long_name_is_told_in_part(ada: Client) -> None:
    answer = ada.post("/api/todos", json={"title": "x", "y" * 50_000: 1})
    assert set(fields(answer)) == {"y" * 100}


@pytest.mark.parametrize("name", ["\\ud800", "\\udfff\\ud800", "a\\u0000b", "\\n", "\\u202e", "é"])
def test_an_odd_name_does_no_harm(ada: Client, name: str) -> None:
    body = f'{{"title": "x", "{name}": 1}}'.encode()
    assert fields(ada.post("/api/todos", content=body, headers=JSON))
    assert ada.get("/api/todos").json()["items"] == []


def test_a_status_that_nobody_foresaw_is_a_problem_too(
    make_app: MakeApp, make_client: MakeClient
) -> None:
    app: FastAPI = make_app()

    @app.get("/vault")
    async def vault() -> None:
        raise HTTPException(403, FOR_THE_LOG)

    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418, FOR_THE_LOG, headers={"X-Tea": "no"})

    answer = make_client(app).get("/vault")
    problem(answer, 403, "forbidden")
    assert FOR_THE_LOG not in answer.text
    answer = make_client(app).get("/teapot")
    problem(answer, 418, "http_418")
    assert answer.headers["X-Tea"] == "no"
    assert FOR_THE_LOG not in answer.text
