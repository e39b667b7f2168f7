"""The application: made of a container's parts, started and stopped whole, and hard to upset."""

import asyncio
import json
import time
from collections.abc import Iterator
from types import ModuleType, TracebackType
from typing import Any, Self

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from backend.adapters.persistence.memory import InMemoryDatabase
from backend.container import Container
from backend.entrypoints.cli import main as cli
from backend.entrypoints.http import app as app_module
from backend.entrypoints.http.app import create_app
from backend.entrypoints.server.process import app_from_environment
from backend.settings import ConfigurationError, Settings
from tests.entrypoints.http.conftest import ADA, MakeApp
from tests.entrypoints.http.exchange import exchange, served
from tests.entrypoints.http.sockets import Server, request
from tests.fakes import FakeTokenVerifier

SECRET = "s" * 32


class WatchedDatabase(InMemoryDatabase):
    """Knows whether it is open."""

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


def app_of_fakes(name: str = "ada", **said: Any) -> FastAPI:
    """Make an app that knows one token."""
    settings = Settings.load(better_auth_secret=SECRET, **said)
    parts = {"token_verifier": FakeTokenVerifier({name: ADA}), "database": InMemoryDatabase()}
    return create_app(Container(settings=settings, **parts))


@pytest.mark.parametrize("module", [app_module, cli])
def test_importing_makes_no_app_and_no_container(module: ModuleType) -> None:
    made = [one for one in vars(module).values() if isinstance(one, FastAPI | Settings)]
    made += [one for one in vars(module).values() if type(one).__name__ == "DynamicContainer"]
    assert made == []


@pytest.mark.anyio
async def test_its_parts_live_as_long_as_it_does(make_app: MakeApp) -> None:
    database = WatchedDatabase()
    app = make_app(parts={"database": database})
    seen = [database.open]
    async with served(app):
        seen.append(database.open)
    assert [*seen, database.open] == [False, True, False]


@pytest.mark.anyio
async def test_its_parts_are_closed_when_it_fails(make_app: MakeApp) -> None:
    database = WatchedDatabase()
    with pytest.raises(ZeroDivisionError):
        async with served(make_app(parts={"database": database})):
            raise ZeroDivisionError
    assert not database.open


@pytest.mark.anyio
async def test_two_apps_in_one_process_do_not_mix() -> None:
    one, two = app_of_fakes("one"), app_of_fakes("two")
    headers = [(b"authorization", b"Bearer one")]
    assert (await exchange(one, "/api/me", headers=headers)).status == 200
    assert (await exchange(two, "/api/me", headers=headers)).status == 401


def test_a_server_process_makes_it_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    configured: list[Settings] = []
    monkeypatch.setattr("backend.entrypoints.server.process.configure_logging", configured.append)
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET)
    monkeypatch.setenv("DOCS", "off")
    app = app_from_environment()
    assert app.docs_url is None
    assert [settings.docs for settings in configured] == [False]


def test_a_server_process_refuses_a_bad_environment() -> None:
    with pytest.raises(ConfigurationError):
        app_from_environment()


# --- Over sockets -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(app_of_fakes()) as running:
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
def test_headers_are_judged_as_they_come_over_the_wire(
    server: Server, headers: list[bytes], status: bytes
) -> None:
    answer = server.ask(request(b"GET /api/me", *headers))
    assert answer.startswith(b"HTTP/1.1 " + status), answer


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
def test_no_spelling_of_a_path_gets_past_authentication(server: Server, target: bytes) -> None:
    for method in (b"GET", b"POST", b"DELETE"):
        answer = server.ask(request(method + b" " + target, b"Content-Length: 0"))
        assert answer[9:10] == b"4", answer


def test_who_is_nobody_is_told_so_while_still_sending(server: Server) -> None:
    head = request(b"POST /api/todos", b"Transfer-Encoding: chunked")
    started = time.perf_counter()
    answer = server.ask(head + b"ffff\r\n", more=b"x" * 1000)
    assert answer.startswith(b"HTTP/1.1 401"), answer
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
        yield runner, app_of_fakes(cors_origins="https://app.example.com", trusted_hosts="*")


@given(
    method=METHODS,
    path=KNOWN_PATHS | st.binary(max_size=40).map(lambda tail: b"/" + tail),
    query=st.lists(st.tuples(QUERIES, st.binary(max_size=20)), max_size=3),
    headers=HEADERS,
    body=BODIES,
    known=st.booleans(),
)
def test_nothing_that_is_sent_upsets_the_server(
    fuzzed: tuple[asyncio.Runner, FastAPI],
    method: str,
    path: bytes,
    **said: Any,
) -> None:
    runner, app = fuzzed
    query, headers, body, known = (said[name] for name in ("query", "headers", "body", "known"))
    target = path + b"?" + b"&".join(name + b"=" + value for name, value in query)
    sent = [*headers, (b"content-type", b"application/json")]
    if known:
        sent.insert(0, (b"authorization", b"Bearer ada"))
    answer = runner.run(exchange(app, target, method=method, headers=sent, body=[body]))
    assert answer.status < 500
    if path.startswith(b"/api/") and not known:
        assert answer.status >= 400 or method == "OPTIONS"
    if answer.status >= 400 and answer.header("content-type") != "text/plain; charset=utf-8":
        assert answer.header("content-type") == "application/problem+json"
        assert answer.json()["status"] == answer.status
