"""The application as a whole: its resources, raw requests over sockets, and fuzzing."""

import asyncio
import json
import time
from collections.abc import Iterator
from types import ModuleType, TracebackType
from typing import Any, Self

import pytest
from fastapi import FastAPI
from httpx2 import Client
from hypothesis import given
from hypothesis import strategies as st

from backend.adapters.persistence.memory import InMemoryDatabase
from backend.container import Container
from backend.entrypoints.cli import main as cli
from backend.entrypoints.http import app as app_module
from backend.entrypoints.http.app import create_app
from backend.entrypoints.server.process import app_from_environment
from backend.settings import ConfigurationError, Settings
from backend.testing.fakes import FakeTokenVerifier
from tests.entrypoints.http.asgi_client import app_lifespan, send_request
from tests.entrypoints.http.conftest import ADA, MakeApp
from tests.entrypoints.http.sockets import Server, request

SECRET = "s" * 32


class WatchedDatabase(InMemoryDatabase):
    """Records whether the database is open."""

    def __init__(self) -> None:
        super().__init__()
        self.open = False

    async def __aenter__(self) -> Self:
        self.open = True
        return await super().__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.open = False


def make_fake_app(name: str = "ada", **values: Any) -> FastAPI:
    """Make an app that knows a single token."""
    settings = Settings.load(better_auth_secret=SECRET, **values)
    parts = {"token_verifier": FakeTokenVerifier({name: ADA}), "database": InMemoryDatabase()}
    return create_app(Container(settings=settings, **parts))


@pytest.mark.parametrize("module", [app_module, cli])
def test_imports_create_no_app_and_no_container(module: ModuleType) -> None:
    values = vars(module).values()
    assert [value for value in values if isinstance(value, FastAPI | Settings)] == []
    assert [value for value in values if type(value).__name__ == "DynamicContainer"] == []


@pytest.mark.anyio
async def test_resources_are_open_while_the_app_runs(make_app: MakeApp) -> None:
    database = WatchedDatabase()
    app = make_app(parts={"database": database})
    states = [database.open]
    async with app_lifespan(app):
        states.append(database.open)
    assert [*states, database.open] == [False, True, False]


@pytest.mark.anyio
async def test_resources_are_closed_when_the_app_fails(make_app: MakeApp) -> None:
    database = WatchedDatabase()
    with pytest.raises(ZeroDivisionError):
        async with app_lifespan(make_app(parts={"database": database})):
            raise ZeroDivisionError
    assert not database.open


@pytest.mark.anyio
async def test_two_apps_in_one_process_are_independent() -> None:
    first, second = make_fake_app("first"), make_fake_app("second")
    headers = [(b"authorization", b"Bearer first")]
    assert (await send_request(first, "/api/me", headers=headers)).status == 200
    assert (await send_request(second, "/api/me", headers=headers)).status == 401


def test_a_server_process_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    configured: list[Settings] = []
    monkeypatch.setattr("backend.entrypoints.server.process.configure_logging", configured.append)
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET)
    assert app_from_environment().openapi_url is None
    monkeypatch.setenv("DOCS", "on")
    assert app_from_environment().openapi_url == "/openapi.json"
    assert [settings.docs for settings in configured] == [None, True]


def test_a_server_process_rejects_an_invalid_environment() -> None:
    with pytest.raises(ConfigurationError):
        app_from_environment()


# --- Methods --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", ["/api/todos", "/api/me", "/api/todos/x", "/health/live"])
def test_unsupported_methods_get_405_with_or_without_a_token(
    anonymous: Client, ada: Client, method: str, path: str
) -> None:
    for client in (anonymous, ada):
        response = client.request(method, path)
        assert response.status_code == 405
        assert "GET" in response.headers["Allow"].split(", ")


# --- Over sockets -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(make_fake_app()) as running:
        yield running


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([b"Authorization: Bearer ada"], b"200"),
        ([b"aUTHORIZATION:Bearer ada"], b"200"),
        ([b"Authorization: \t bearer ada \t"], b"200"),
        ([], b"401"),
        ([b"Authorization:"], b"401"),
        ([b"Authorization: Bearer"], b"401"),
        ([b"Authorization: Bearer "], b"401"),
        ([b"Authorization: Bearer  ada"], b"401"),
        ([b"Authorization: Bearer\tada"], b"401"),
        ([b"Authorization: Bearer ada", b"Authorization: Bearer ada"], b"401"),
        ([b"Authorization: Bearer ada", b"authorization: Basic x"], b"401"),
        ([b"Authorization: Bearer \xc3\xa4"], b"401"),
        ([b"Authorization: Bearer \xff\xfe"], b"401"),
        ([b"Authorization: Bearer " + b"a" * 30_000], b"401"),
        ([b"Authorization: Bearer a\x00b"], b"40"),
        ([b"Authorization: Bearer a\x1bb"], b"40"),
        ([b"Authorization: Bearer a\x7fb"], b"40"),
        ([b"Authorization : Bearer ada"], b"40"),
        ([b"Authorization: Bearer", b" ada"], b"40"),
    ],
)
def test_authorization_headers_over_a_socket(
    server: Server, headers: list[bytes], status: bytes
) -> None:
    response = server.ask(request(b"GET /api/me", *headers))
    assert response.startswith(b"HTTP/1.1 " + status), response


@pytest.mark.parametrize(
    "target",
    [
        b"/api/\xff",
        b"/api/%ff%fe",
        b"/api/%00",
        b"/api/todos/%2e%2e/me",
        b"/api/todos?%ff=%00",
        b"/api/todos?" + b"a" * 30_000,
        b"//api/todos",
        b"/api//todos",
        b"/%61pi/todos",
        b"/api%2ftodos",
        b"/API/todos",
        b"http://other.example/api/todos",
        b"*",
        b"/api/todos#fragment",
        b"/api/todos;x=y",
    ],
)
def test_no_spelling_of_a_path_bypasses_authentication(server: Server, target: bytes) -> None:
    for method in (b"GET", b"POST", b"DELETE"):
        response = server.ask(request(method + b" " + target, b"Content-Length: 0"))
        assert response[9:10] == b"4", response


def test_anonymous_requests_get_401_while_they_still_send(server: Server) -> None:
    head = request(b"POST /api/todos", b"Transfer-Encoding: chunked")
    started = time.perf_counter()
    response = server.ask(head + b"ffff\r\n", more=b"x" * 1000)
    assert response.startswith(b"HTTP/1.1 401"), response
    assert time.perf_counter() - started < 1


# --- Fuzzing ------------------------------------------------------------------------------------


METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "X"])
KNOWN_PATHS = st.sampled_from(
    [
        b"/api/todos",
        b"/api/todos/01a1fb5f-f08e-7f5e-9cb6-2719083547c9",
        b"/api/me",
        b"/health/ready",
        b"/docs",
        b"/openapi.json",
    ]
)
NAMES = st.sampled_from(
    [
        b"authorization",
        b"content-type",
        b"content-length",
        b"host",
        b"if-match",
        b"if-none-match",
        b"cookie",
        b"origin",
        b"access-control-request-method",
        b"x-request-id",
        b"accept",
        b"x-forwarded-for",
    ]
)
QUERIES = st.sampled_from(
    [b"limit", b"cursor", b"sort", b"completed", b"priority", b"due_before", b"q", b"x"]
)
HEADERS = st.lists(st.tuples(NAMES, st.binary(max_size=40)), max_size=4)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
FIELDS = st.sampled_from(["title", "description", "completed", "priority", "due_at"])
BODIES = st.dictionaries(FIELDS, JSON_VALUES).map(json.dumps).map(str.encode) | st.binary(
    max_size=60
)


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[tuple[asyncio.Runner, FastAPI]]:
    with asyncio.Runner() as runner:
        yield runner, make_fake_app(cors_origins="https://app.example.com", trusted_hosts="*")


@given(
    method=METHODS,
    path=KNOWN_PATHS | st.binary(max_size=40).map(lambda tail: b"/" + tail),
    query=st.lists(st.tuples(QUERIES, st.binary(max_size=20)), max_size=3),
    headers=HEADERS,
    body=BODIES,
    known=st.booleans(),
)
def test_no_request_causes_a_server_error(
    fuzzed: tuple[asyncio.Runner, FastAPI],
    method: str,
    path: bytes,
    **parts: Any,
) -> None:
    runner, app = fuzzed
    query, headers, body, known = (parts[name] for name in ("query", "headers", "body", "known"))
    target = path + b"?" + b"&".join(name + b"=" + value for name, value in query)
    sent = [*headers, (b"content-type", b"application/json")]
    if known:
        sent.insert(0, (b"authorization", b"Bearer ada"))
    response = runner.run(send_request(app, target, method=method, headers=sent, body=[body]))
    assert response.status < 500
    if path.startswith(b"/api/") and not known:
        assert response.status >= 400 or method == "OPTIONS"
    if response.status >= 400 and response.header("content-type") != "text/plain; charset=utf-8":
        assert response.header("content-type") == "application/problem+json"
        assert method == "HEAD" or response.json()["status"] == response.status
