"""An app that exists already gets the problems of authentication, and keeps its other errors."""

import asyncio
import logging

import pytest
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import PlainTextResponse
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from backend.domain.auth import ExpiredTokenError, MissingTokenError, VerifierUnavailableError
from backend.entrypoints.http.auth.errors import MissingRoleError, MissingScopeError
from backend.entrypoints.http.auth.session_cookies import ForbiddenOriginError
from backend.entrypoints.http.problems.auth_problems import (
    auth_problem,
    install_auth_problems,
)
from backend.entrypoints.http.problems.outages import CHECK_INTERVAL, Outage
from backend.entrypoints.http.problems.problem_error import ProblemError
from tests.entrypoints.http.asgi_client import RawResponse, send_request

ERRORS = [
    (MissingTokenError(), 401, "missing_token"),
    (ExpiredTokenError("1 s ago"), 401, "token_expired"),
    (ForbiddenOriginError("https://evil.example"), 403, "origin_not_allowed"),
    (MissingScopeError(["todos:read", "todos:write"]), 403, "insufficient_scope"),
    (MissingRoleError(["keeper", "admin"]), 403, "missing_role"),
    (VerifierUnavailableError("the issuer is down", retry_after=1.5), 503, "verifier_unavailable"),
]
every_error = pytest.mark.parametrize(("error", "status", "code"), ERRORS)


def make_app(error: Exception) -> FastAPI:
    """Make an adopter's app, with a route that raises an error."""
    app = FastAPI()

    @app.get("/notes")
    async def notes(limit: int = 1) -> None:
        raise error

    return app


def answer(app: Starlette, path: str = "/notes") -> RawResponse:
    """Return the response of an app."""
    return asyncio.run(send_request(app, path))


@every_error
def test_a_route_answers_errors_of_authentication_with_problems(
    error: Exception, status: int, code: str
) -> None:
    app = make_app(error)
    install_auth_problems(app)
    response = answer(app)
    assert response.header("content-type") == "application/problem+json"
    assert (response.status, response.json()["code"]) == (status, code)
    assert response.json()["request_id"]


@every_error
def test_errors_before_the_router_are_problems_too(
    error: Exception, status: int, code: str
) -> None:
    app = make_app(RuntimeError("the route runs"))

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    app.router.middleware_stack = guard
    install_auth_problems(app)
    response = answer(app)
    assert (response.status, response.json()["code"]) == (status, code)


@every_error
def test_handlers_of_the_app_are_never_replaced(error: Exception, status: int, code: str) -> None:
    app = make_app(error)

    for kind in type(error).__mro__[:-3]:

        @app.exception_handler(kind)
        async def handle(_request: Request, _error: Exception) -> PlainTextResponse:
            return PlainTextResponse("my words", 402)

    install_auth_problems(app)
    assert answer(app).body == b"my words"


def test_other_errors_of_the_app_stay_as_they_are() -> None:
    app = make_app(HTTPException(404, "No such note."))
    before = dict(app.exception_handlers)
    install_auth_problems(app)
    assert before.items() <= app.exception_handlers.items()
    assert answer(app).json() == {"detail": "No such note."}
    response = answer(app, "/notes?limit=x")
    assert response.status == 422
    assert list(response.json()) == ["detail"]
    assert answer(app, "/nothing").json() == {"detail": "Not Found"}


def test_a_problem_error_works_in_every_app() -> None:
    app = make_app(ProblemError(409, "note_locked", "Ada edits this note."))
    install_auth_problems(app)
    assert answer(app).json()["code"] == "note_locked"


def test_a_missing_scope_is_named_in_the_challenge(caplog: pytest.LogCaptureFixture) -> None:
    app = make_app(MissingScopeError(["todos:read", "todos:write"]))
    install_auth_problems(app)
    with caplog.at_level(logging.INFO):
        response = answer(app)
    assert response.header("www-authenticate") == (
        'Bearer realm="api", error="insufficient_scope", scope="todos:read todos:write"'
    )
    (record,) = [record for record in caplog.records if record.name.endswith("problem_details")]
    assert (record.levelname, record.__dict__["reason"]) == ("INFO", "insufficient_scope")
    assert record.getMessage() == "refused: needs the scopes todos:read todos:write"


def test_only_the_log_names_the_roles(caplog: pytest.LogCaptureFixture) -> None:
    app = make_app(MissingRoleError(["keeper", "admin"]))
    install_auth_problems(app)
    with caplog.at_level(logging.INFO):
        response = answer(app)
    assert response.header("www-authenticate") == 'Bearer realm="api", error="insufficient_scope"'
    assert b"keeper" not in response.body
    (record,) = [record for record in caplog.records if record.name.endswith("problem_details")]
    assert (record.levelname, record.__dict__["reason"]) == ("INFO", "missing_role")
    assert record.getMessage() == "refused: needs the roles admin, keeper"


def test_an_outage_is_logged_once_when_it_begins_and_once_when_it_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = make_app(VerifierUnavailableError("the issuer is down"))
    over = asyncio.Event()
    now = 0.0

    async def sleep(_seconds: float) -> None:
        await over.wait()

    install_auth_problems(app, outage=Outage("verifier", clock=lambda: now, sleep=sleep))

    async def run() -> None:
        nonlocal now
        for _ in range(3):
            assert (await send_request(app, "/notes")).status == 503
        now += CHECK_INTERVAL
        over.set()
        await asyncio.sleep(0.05)

    asyncio.run(run())
    texts = [record.getMessage() for record in caplog.records if "outages" in record.name]
    assert len(texts) == 2
    assert texts[0].startswith("unavailable: verifier: the issuer is down.")
    assert texts[1] == "available again: verifier, 5 s after the outage began; 3 requests got 503"


def test_errors_of_other_kinds_have_no_problem_of_authentication() -> None:
    with pytest.raises(LookupError, match="ZeroDivisionError"):
        auth_problem(ZeroDivisionError())
