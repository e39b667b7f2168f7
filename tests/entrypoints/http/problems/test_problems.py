"""Every error is a well-formed problem that reveals nothing internal to the caller."""

import json
import logging
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException
from httpx2 import Client

from backend.domain.auth import (
    AuthError,
    ExpiredTokenError,
    InvalidClaimError,
    InvalidTokenError,
    MalformedAuthorizationError,
    MissingTokenError,
    VerifierUnavailableError,
)
from backend.domain.todo_repository import RepositoryUnavailableError, SearchTimeoutError
from backend.entrypoints.http.problems.errors import InvalidParameterError
from backend.entrypoints.http.problems.validation_errors import MAX_FIELD_PROBLEMS
from backend.testing.fakes import FakeTokenVerifier
from tests.entrypoints.http.broken_todos import BrokenTodos
from tests.entrypoints.http.conftest import MakeApp, MakeClient

UNKNOWN = "01a1fb5f-f08e-7f5e-9cb6-2719083547c9"
FOR_THE_LOG = "only the operator may read this"
JSON = {"Content-Type": "application/json"}


def classes_of(kind: type[AuthError]) -> list[type[AuthError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in classes_of(child))]


def problem(response: Any, status: int, code: str) -> dict[str, Any]:
    """Check that a response is a well-formed problem, and return its body."""
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert set(body) - {"errors"} == {"type", "title", "status", "code", "detail", "request_id"}
    assert (body["type"], body["status"], body["code"]) == ("about:blank", status, code)
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == response.headers["X-Request-ID"]
    return body


def fields(response: Any) -> dict[str, str]:
    """Return the invalid parts of the request, and the problem of each part."""
    body = problem(response, 422, "invalid_request")
    return {error["field"]: error["detail"] for error in body["errors"]}


@pytest.mark.parametrize("kind", classes_of(AuthError))
def test_every_auth_error_gives_a_well_formed_401(
    ada: Client, verifier: FakeTokenVerifier, kind: type[AuthError]
) -> None:
    words = ("claim", FOR_THE_LOG) if kind is InvalidClaimError else (FOR_THE_LOG,)
    verifier.known["ada"] = kind(*words)
    response = ada.get("/api/me")
    body = problem(response, 401, kind.code)
    assert body["detail"] == kind.detail
    assert "errors" not in body
    challenge = 'Bearer realm="api"'
    if kind is not MissingTokenError:
        challenge += f', error="invalid_token", error_description="{kind.detail}"'
    assert response.headers["WWW-Authenticate"] == challenge
    assert response.headers["Cache-Control"] == "no-store"
    for hidden in {FOR_THE_LOG, kind.reason} - {kind.code}:
        assert hidden not in response.text
        assert hidden not in str(response.headers)


def test_401_responses_have_four_codes() -> None:
    assert {kind.code for kind in classes_of(AuthError)} == {
        kind.code
        for kind in (
            MissingTokenError,
            MalformedAuthorizationError,
            ExpiredTokenError,
            InvalidTokenError,
        )
    }


def test_the_log_has_the_reason_and_the_request_id_of_a_401(
    ada: Client, verifier: FakeTokenVerifier, caplog: pytest.LogCaptureFixture
) -> None:
    verifier.known["ada"] = ExpiredTokenError(FOR_THE_LOG, found="1 s ago", expected="later")
    with caplog.at_level(logging.INFO):
        response = ada.get("/api/me", headers={"X-Request-ID": "id-of-the-test"})
    assert response.json()["request_id"] == "id-of-the-test"
    (record,) = [record for record in caplog.records if FOR_THE_LOG in record.getMessage()]
    assert (record.levelname, record.__dict__["reason"]) == ("INFO", "token_expired")
    assert record.getMessage().endswith(f"{FOR_THE_LOG}; found 1 s ago, expected later")
    assert "1 s ago" not in response.text
    assert record.__dict__["request_id"] == "id-of-the-test"


@pytest.mark.parametrize(
    ("seconds", "header"), [(0.0, "1"), (0.2, "1"), (1.0, "1"), (1.5, "2"), (30.0, "30")]
)
def test_an_unavailable_verifier_gives_503_with_retry_after(
    ada: Client, verifier: FakeTokenVerifier, seconds: float, header: str
) -> None:
    verifier.known["ada"] = VerifierUnavailableError(FOR_THE_LOG, retry_after=seconds)
    response = ada.get("/api/me")
    problem(response, 503, "verifier_unavailable")
    assert response.headers["Retry-After"] == header
    assert "WWW-Authenticate" not in response.headers
    assert FOR_THE_LOG not in response.text


def test_an_unavailable_database_gives_503_with_retry_after(
    make_app: MakeApp, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    broken = BrokenTodos(RepositoryUnavailableError(FOR_THE_LOG, retry_after=4))
    response = make_client(make_app(parts={"todos": broken}), "ada").get("/api/todos")
    body = problem(response, 503, "database_unavailable")
    assert response.headers["Retry-After"] == "4"
    assert FOR_THE_LOG not in response.text
    (record,) = [record for record in caplog.records if FOR_THE_LOG in record.getMessage()]
    assert (record.levelname, record.__dict__["request_id"]) == ("ERROR", body["request_id"])
    assert record.__dict__["reason"] == "database_unavailable"


def test_a_search_that_took_too_long_is_not_an_outage(
    make_app: MakeApp, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    broken = BrokenTodos(SearchTimeoutError(FOR_THE_LOG))
    response = make_client(make_app(parts={"todos": broken}), "ada").get("/api/todos?q=milk")
    problem(response, 503, "search_timeout")
    assert response.headers["Retry-After"] == "1"
    assert FOR_THE_LOG not in response.text
    (record,) = [record for record in caplog.records if FOR_THE_LOG in record.getMessage()]
    assert record.levelname == "WARNING"


def test_unexpected_errors_reveal_nothing_to_the_caller(
    make_app: MakeApp, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(parts={"todos": BrokenTodos(RuntimeError(FOR_THE_LOG))})
    client = make_client(app, "ada", raising=False)
    response = client.get("/api/todos")
    body = problem(response, 500, "internal_error")
    for hidden in (FOR_THE_LOG, "RuntimeError", "Traceback", ".py"):
        assert hidden not in response.text
    (record,) = [record for record in caplog.records if "RuntimeError" in record.getMessage()]
    assert (record.levelname, record.__dict__["request_id"]) == ("ERROR", body["request_id"])


def test_unexpected_errors_reach_the_server_for_its_log(
    make_app: MakeApp, make_client: MakeClient
) -> None:
    client = make_client(make_app(parts={"todos": BrokenTodos(RuntimeError(FOR_THE_LOG))}), "ada")
    with pytest.raises(RuntimeError, match=FOR_THE_LOG):
        client.get("/api/todos")


@pytest.mark.parametrize("path", ["/", "/api", "/api/", "/api/nothing", "/api/todos/", "/api/me/x"])
def test_unknown_routes_give_404(anonymous: Client, path: str) -> None:
    response = anonymous.get(path, follow_redirects=False)
    problem(response, 404, "not_found")


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_unknown_todos_give_404(ada: Client, method: str) -> None:
    response = ada.request(method, f"/api/todos/{UNKNOWN}", json={} if method == "PATCH" else None)
    problem(response, 404, "todo_not_found")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/todos", "GET, HEAD, POST"),
        (f"/api/todos/{UNKNOWN}", "DELETE, GET, HEAD, PATCH"),
        ("/api/me", "DELETE, GET, HEAD"),
        ("/health/ready", "GET, HEAD"),
        ("/metrics", "GET, HEAD"),
        ("/openapi.json", "GET, HEAD"),
    ],
)
def test_405_lists_all_supported_methods(anonymous: Client, path: str, allowed: str) -> None:
    response = anonymous.put(path)
    problem(response, 405, "method_not_allowed")
    assert response.headers["Allow"] == allowed


def test_a_too_large_body_gives_413(ada: Client) -> None:
    response = ada.post("/api/todos", content=b" " * 70_000, headers=JSON)
    problem(response, 413, "content_too_large")


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
def test_an_unreadable_body_gives_400(ada: Client, body: bytes) -> None:
    problem(ada.post("/api/todos", content=body, headers=JSON), 400, "bad_request")
    assert ada.get("/api/todos").json()["items"] == []


@pytest.mark.parametrize(
    "body",
    [b"[" * 60_000, b'{"title":' * 7_000, b'{"title":' + b"[" * 30_000 + b"]" * 30_000 + b"}"],
)
def test_a_too_deeply_nested_body_is_rejected(ada: Client, body: bytes) -> None:
    response = ada.post("/api/todos", content=body, headers=JSON)
    assert response.status_code in {400, 422}  # how deep is too deep depends on the Python
    problem(response, response.status_code, response.json()["code"])
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
def test_json_syntax_errors_give_line_and_column(
    ada: Client, body: bytes, line: int, column: int
) -> None:
    response = ada.post("/api/todos", content=body, headers=JSON)
    assert fields(response) == {"body": f"JSON decode error in line {line}, column {column}"}


@pytest.mark.parametrize(
    "headers",
    [{}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}],
)
def test_a_body_without_a_json_content_type_gets_a_hint(
    ada: Client, headers: dict[str, str]
) -> None:
    response = ada.post("/api/todos", content=b'{"title": "Buy milk"}', headers=headers)
    assert fields(response) == {"body": "send it as JSON, with Content-Type: application/json"}


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"x"', b"true", b"", b"NaN", b"-Infinity"])
def test_a_body_that_is_not_an_object_is_invalid(ada: Client, body: bytes) -> None:
    assert set(fields(ada.post("/api/todos", content=body, headers=JSON))) == {"body"}


@pytest.mark.parametrize(
    "kind",
    [None, "text/plain", "application/x-www-form-urlencoded", "json", "application/jsonx", ""],
)
def test_a_body_of_another_content_type_is_invalid(ada: Client, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    response = ada.post("/api/todos", content=b'{"title": "x"}', headers=headers)
    assert set(fields(response)) == {"body"}


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json"]
)
def test_every_json_content_type_is_accepted(ada: Client, kind: str) -> None:
    response = ada.post("/api/todos", content=b'{"title": "x"}', headers={"Content-Type": kind})
    assert response.status_code == 201


def test_all_invalid_fields_are_listed_at_once(ada: Client) -> None:
    body = {"title": "", "completed": 1, "priority": "urgent", "due_at": "soon", "color": "red"}
    problems = fields(ada.post("/api/todos", json=body))
    assert set(problems) == {"title", "completed", "priority", "due_at", "color"}
    assert problems["priority"] == "Input should be 'low', 'normal' or 'high'"
    assert problems["due_at"].startswith("must be a time")


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
def test_problems_do_not_repeat_the_body(ada: Client, body: Any) -> None:
    response = ada.post("/api/todos", json=body)
    assert response.status_code == 422
    assert SECRET not in response.text


@pytest.mark.parametrize(
    "query",
    ["limit", "cursor", "sort", "completed", "priority", "due_before", "color", "q"],
)
def test_problems_do_not_repeat_the_query(ada: Client, query: str) -> None:
    value = SECRET * 30 if query == "q" else SECRET
    response = ada.get("/api/todos", params={query: value})
    assert set(fields(response)) == {query}
    assert SECRET not in response.text


@pytest.mark.parametrize("todo_id", ["zz", "1", UNKNOWN + "z", "%00", "%ff", "\u00e9", "%2e%2e"])
def test_an_invalid_id_is_named_but_not_repeated(ada: Client, todo_id: str) -> None:
    response = ada.get(f"/api/todos/{todo_id}")
    assert fields(response) == {"todo_id": "Input should be a valid UUID"}


def test_the_number_of_listed_fields_is_limited(ada: Client) -> None:
    body = json.dumps({f"field{number}": 1 for number in range(4000)})
    response = ada.post("/api/todos", content=body, headers=JSON)
    assert len(problem(response, 422, "invalid_request")["errors"]) == MAX_FIELD_PROBLEMS
    assert len(response.content) < 4000


def test_long_field_names_are_cut(ada: Client) -> None:
    response = ada.post("/api/todos", json={"title": "x", "y" * 50_000: 1})
    assert set(fields(response)) == {"y" * 100}


@pytest.mark.parametrize("name", ["\\ud800", "\\udfff\\ud800", "a\\u0000b", "\\n", "\\u202e", "é"])
def test_unusual_field_names_are_harmless(ada: Client, name: str) -> None:
    body = f'{{"title": "x", "{name}": 1}}'.encode()
    assert fields(ada.post("/api/todos", content=body, headers=JSON))
    assert ada.get("/api/todos").json()["items"] == []


def test_an_invalid_parameter_is_named(make_app: MakeApp, make_client: MakeClient) -> None:
    app: FastAPI = make_app(public=("/search",))

    @app.get("/search")
    async def search() -> None:
        raise InvalidParameterError("X-Filter", "must be sent once")

    response = make_client(app).get("/search")
    assert fields(response) == {"X-Filter": "must be sent once"}
    assert response.json()["detail"] == "The request is invalid: X-Filter."


def test_every_http_exception_becomes_a_problem(make_app: MakeApp, make_client: MakeClient) -> None:
    app: FastAPI = make_app(public=("/vault", "/teapot"))

    @app.get("/vault")
    async def vault() -> None:
        raise HTTPException(403, "The vault is closed.")

    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418, "No tea today.", headers={"X-Tea": "no"})

    response = make_client(app).get("/vault")
    assert problem(response, 403, "forbidden")["detail"] == "The vault is closed."
    response = make_client(app).get("/teapot")
    assert problem(response, 418, "http_418")["detail"] == "No tea today."
    assert response.headers["X-Tea"] == "no"
