"""The response to an `HTTPException` keeps the detail, the headers and the status."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from backend.entrypoints.http.problems.handlers import install
from backend.entrypoints.http.problems.problem_error import ProblemError
from tests.entrypoints.http.asgi_client import RawResponse, send_request

CHALLENGE = 'Bearer realm="api"'


def make_app(error: Exception) -> FastAPI:
    """Make an app with a route that raises an error."""
    app = FastAPI()
    install(app)

    @app.get("/notes")
    async def notes() -> None:
        raise error

    return app


def answer(error: Exception, *, method: str = "GET") -> RawResponse:
    """Return the response of a route that raises an error."""
    return asyncio.run(send_request(make_app(error), "/notes", method=method))


def problem(error: Exception) -> dict[str, Any]:
    """Return the problem that a route answers with when it raises an error."""
    response = answer(error)
    assert response.header("content-type") == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == response.status
    assert body["title"]
    assert body["request_id"]
    return body


@pytest.mark.parametrize("kind", [HTTPException, StarletteHTTPException])
def test_the_words_of_the_author_are_kept(kind: type[StarletteHTTPException]) -> None:
    body = problem(kind(404, "No such note."))
    assert (body["status"], body["code"], body["title"], body["detail"]) == (
        *(404, "not_found", "Not Found", "No such note."),
    )


@pytest.mark.parametrize("status", range(400, 600))
def test_every_status_of_an_error_is_kept(status: int) -> None:
    body = problem(HTTPException(status, "These are my words."))
    assert (body["status"], body["detail"]) == (status, "These are my words.")
    assert problem(HTTPException(status))["detail"]


@pytest.mark.parametrize(
    ("status", "title"), [(499, "Client Error"), (420, "Client Error"), (599, "Server Error")]
)
def test_an_unassigned_status_has_the_title_of_its_class(status: int, title: str) -> None:
    body = problem(HTTPException(status))
    assert (body["title"], body["detail"], body["code"]) == (title, title, f"http_{status}")


@pytest.mark.parametrize(
    ("status", "detail"),
    [
        (400, "Bad Request"),
        (401, "Unauthorized"),
        (403, "You do not have permission to do this."),
        (404, "Not Found"),
        (409, "Conflict"),
        (413, "The body is too large."),
        (418, "I'm a Teapot"),
        (503, "Service Unavailable"),
    ],
)
@pytest.mark.parametrize("words", [None, ""])
def test_an_error_without_words_has_standard_words(
    status: int, detail: str, words: str | None
) -> None:
    assert problem(HTTPException(status, words))["detail"] == detail


@pytest.mark.parametrize(
    "detail",
    [
        {"code": "note_locked", "by": ["ada"], "nested": {"title": None}},
        [{"loc": ["body"], "msg": "wrong"}, "two"],
        {},
        [],
        7,
        False,
    ],
)
def test_a_detail_of_any_json_type_is_kept_as_in_fastapi(detail: Any) -> None:
    body = problem(HTTPException(409, detail))
    assert (body["detail"], body["code"], body["type"]) == (detail, "http_409", "about:blank")


def test_a_detail_may_have_values_that_fastapi_can_encode() -> None:
    until = datetime(2026, 1, 2, tzinfo=UTC)
    assert problem(HTTPException(409, {"until": until}))["detail"] == {
        "until": "2026-01-02T00:00:00+00:00"
    }


def test_a_lone_surrogate_in_the_words_is_sent_as_json() -> None:
    words = "No note \ud83d, but \u00e9 and \U0001f600."
    response = answer(HTTPException(404, words))
    assert response.json()["detail"] == words
    assert "\u00e9 and \U0001f600".encode() in response.body


@pytest.mark.parametrize("name", ["Cache-Control", "cache-control", "CACHE-CONTROL"])
def test_headers_of_the_author_replace_the_default_headers(name: str) -> None:
    headers = {name: "max-age=5", "Retry-After": "9", "X-Note": "yes"}
    response = answer(HTTPException(503, headers=headers))
    assert response.header("cache-control") == "max-age=5"
    assert response.header("retry-after") == "9"
    assert response.header("x-note") == "yes"


def test_problems_are_not_stored_by_default() -> None:
    assert answer(HTTPException(404)).header("cache-control") == "no-store"


@pytest.mark.parametrize(
    ("status", "expected"), [(401, CHALLENGE), (403, CHALLENGE + ', error="insufficient_scope"')]
)
@pytest.mark.parametrize("detail", [None, "Go away.", {"why": "because"}])
def test_a_401_or_403_raised_by_hand_carries_the_challenge(
    status: int, expected: str, detail: Any
) -> None:
    response = answer(HTTPException(status, detail))
    assert response.header("www-authenticate") == expected


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("name", ["WWW-Authenticate", "www-authenticate"])
def test_the_challenge_of_the_author_replaces_the_default_challenge(status: int, name: str) -> None:
    response = answer(HTTPException(status, headers={name: 'Basic realm="notes"'}))
    assert response.header("www-authenticate") == 'Basic realm="notes"'


def test_other_errors_have_no_challenge() -> None:
    assert answer(HTTPException(404)).header("www-authenticate") is None


@pytest.mark.parametrize("status", [204, 205, 304])
def test_a_status_that_forbids_a_body_is_sent_without_a_body(status: int) -> None:
    response = answer(HTTPException(status, "words", headers={"ETag": '"1"'}))
    assert (response.status, response.body) == (status, b"")
    assert response.header("etag") == '"1"'
    assert response.header("content-type") is None


@pytest.mark.parametrize("status", [200, 202, 307, 600])
def test_a_status_that_is_not_an_error_is_answered_as_in_fastapi(status: int) -> None:
    response = answer(HTTPException(status, "words", headers={"Location": "/elsewhere"}))
    assert (response.status, response.json()) == (status, {"detail": "words"})
    assert response.header("content-type") == "application/json"
    assert response.header("location") == "/elsewhere"


def test_an_unknown_route_gives_404_with_the_standard_detail() -> None:
    response = asyncio.run(send_request(make_app(HTTPException(404)), "/nothing"))
    assert (response.status, response.json()["detail"]) == (404, "No such route.")


def test_a_405_of_the_router_lists_the_methods_of_all_routes() -> None:
    app = make_app(HTTPException(404))

    @app.delete("/notes")
    async def remove() -> None: ...

    response = asyncio.run(send_request(app, "/notes", method="PUT"))
    assert (response.status, response.header("allow")) == (405, "DELETE, GET, HEAD")
    assert response.json()["code"] == "method_not_allowed"


def test_a_405_of_the_author_keeps_its_words_and_its_methods() -> None:
    response = answer(HTTPException(405, "Not on Sundays.", headers={"allow": "POST"}))
    assert (response.header("allow"), response.json()["detail"]) == ("POST", "Not on Sundays.")
    assert answer(HTTPException(405, "Not on Sundays.")).header("allow") == "GET, HEAD"


def test_a_problem_error_answers_with_the_problem_of_its_author() -> None:
    body = problem(
        ProblemError(
            409,
            "note_locked",
            "Ada edits this note.",
            type="https://api.example.com/problems/note-locked",
            title="The note is locked",
            headers={"Retry-After": "60"},
            extensions={"locked_by": "ada", "until": datetime(2026, 1, 2, tzinfo=UTC)},
        )
    )
    del body["request_id"]
    assert body == {
        "type": "https://api.example.com/problems/note-locked",
        "title": "The note is locked",
        "status": 409,
        "code": "note_locked",
        "detail": "Ada edits this note.",
        "locked_by": "ada",
        "until": "2026-01-02T00:00:00+00:00",
    }


def test_a_problem_error_has_the_defaults_and_the_challenge_of_every_problem() -> None:
    response = answer(ProblemError(401, "session_revoked", "Sign in again."))
    body = response.json()
    assert (body["type"], body["title"]) == ("about:blank", "Unauthorized")
    assert response.header("www-authenticate") == CHALLENGE
    assert response.header("cache-control") == "no-store"


@pytest.mark.parametrize("status", [0, 200, 304, 399, 600])
def test_a_problem_error_needs_the_status_of_an_error(status: int) -> None:
    with pytest.raises(ValueError, match="use 400 to 599"):
        ProblemError(status, "x", "x")


@pytest.mark.parametrize("name", ["type", "title", "status", "code", "detail", "request_id"])
def test_an_extension_cannot_replace_a_member_of_every_problem(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        ProblemError(409, "x", "x", extensions={name: "x"})


def test_a_problem_error_is_an_http_exception_for_handlers_of_the_app() -> None:
    app = make_app(ProblemError(409, "note_locked", "Ada edits this note."))

    @app.exception_handler(409)
    async def handle(_request: Request, error: HTTPException) -> PlainTextResponse:
        return PlainTextResponse(error.detail, error.status_code)

    response = asyncio.run(send_request(app, "/notes"))
    assert (response.status, response.body) == (409, b"Ada edits this note.")


def test_head_and_unexpected_errors_are_problems_too() -> None:
    response = answer(RuntimeError("secret"), method="HEAD")
    assert response.status == 405  # a plain FastAPI app answers no HEAD
    app = make_app(RuntimeError("secret"))
    response = asyncio.run(send_request(app, "/notes", raising=False))
    assert (response.status, response.json()["code"]) == (500, "internal_error")
    assert b"secret" not in response.body
