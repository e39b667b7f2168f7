"""An outage is logged when it begins and when it ends, with counts in between."""

import asyncio
import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import pytest
from httpx2 import Client

from backend.domain.auth import VerifierUnavailableError
from backend.domain.todo_repository import RepositoryUnavailableError
from backend.entrypoints.http.problems.outages import CHECK_INTERVAL, Outage
from backend.testing.fakes import FakeTokenVerifier
from tests.entrypoints.http.broken_todos import BrokenTodos
from tests.entrypoints.http.conftest import MakeApp, MakeClient

pytestmark = pytest.mark.anyio

LOGGER = "backend.entrypoints.http.problems.outages"


class Time:
    """A clock that stands still, with sleepers, until a test advances it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        event = asyncio.Event()
        self._sleepers.append((self.now + seconds, event))
        await event.wait()

    async def advance(self, seconds: float) -> None:
        """Advance the clock second by second, and let the sleepers run."""
        await asyncio.sleep(0)  # so that new tasks start to sleep
        for _ in range(int(seconds)):
            self.now += 1
            for wake_at, event in self._sleepers:
                if wake_at <= self.now:
                    event.set()
            for _ in range(5):
                await asyncio.sleep(0)


class Part:
    """A part whose check fails while it is down."""

    def __init__(self) -> None:
        self.is_down = True
        self.checks = 0

    async def check(self) -> None:
        self.checks += 1
        if self.is_down:
            raise RepositoryUnavailableError("down")


def fail(outage: Outage, times: int = 1) -> None:
    for number in range(times):
        outage.record(RepositoryUnavailableError("cannot connect"), request_id=f"id-{number}")


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[tuple[str, str]]]:
    """Return a function that returns the new lines of the log of outages."""
    caplog.set_level(logging.DEBUG, logger=LOGGER)

    def read() -> list[tuple[str, str]]:
        found = [
            (record.levelname, record.getMessage())
            for record in caplog.records
            if record.name == LOGGER
        ]
        caplog.clear()
        return found

    return read


async def test_an_outage_has_one_line_at_its_beginning_and_one_at_its_end(lines: Any) -> None:
    time, part = Time(), Part()
    outage = Outage("database", part.check, clock=time, sleep=time.sleep)
    fail(outage, 300)
    await time.advance(4)
    fail(outage, 40)
    assert lines() == [
        (
            "ERROR",
            "unavailable: database: cannot connect. Requests get 503. Run `doctor` for help.",
        )
    ]
    await time.advance(6)
    assert lines() == []
    part.is_down = False
    await time.advance(5)
    assert lines() == [
        (
            "WARNING",
            "available again: database, 15 s after the outage began; 340 requests got 503",
        )
    ]
    fail(outage)
    await time.advance(5)
    begin, end = lines()
    assert begin[0] == "ERROR"
    assert end[1].endswith("5 s after the outage began; 1 request got 503")
    await outage.stop()
    assert lines() == []


async def test_a_long_outage_is_reported_once_a_minute_while_requests_fail(lines: Any) -> None:
    time, part = Time(), Part()
    outage = Outage("database", part.check, clock=time, sleep=time.sleep)
    for _ in range(150):
        fail(outage, 10)
        await time.advance(1)
    _, *reports = lines()
    assert reports == [
        (
            "WARNING",
            "still unavailable: database, 60 s after the outage began; 600 requests got 503",
        ),
        (
            "WARNING",
            "still unavailable: database, 120 s after the outage began; 1200 requests got 503",
        ),
    ]
    await time.advance(600)
    assert len(lines()) == 1
    await outage.stop()


async def test_an_outage_does_not_end_while_requests_fail(lines: Any) -> None:
    time, part = Time(), Part()
    part.is_down = False
    outage = Outage("database", part.check, clock=time, sleep=time.sleep)
    for _ in range(30):
        fail(outage)
        await time.advance(1)
    assert len(lines()) == 1
    assert part.checks == 0
    await time.advance(2 * CHECK_INTERVAL)
    assert len(lines()) == 1
    await outage.stop()


async def test_an_outage_without_a_check_ends_when_no_request_fails(lines: Any) -> None:
    time = Time()
    outage = Outage("verifier", clock=time, sleep=time.sleep)
    fail(outage)
    await time.advance(5)
    assert [line.partition(":")[0] for _, line in lines()] == ["unavailable", "available again"]


async def test_the_end_of_an_outage_does_not_belong_to_the_first_request_that_failed() -> None:
    time = Time()
    request = ContextVar("request", default="none")
    contexts = []

    async def check() -> None:
        contexts.append(request.get())

    outage = Outage("database", check, clock=time, sleep=time.sleep)
    request.set("first")
    fail(outage)
    await time.advance(5)
    assert contexts == ["none"]


async def test_an_outage_that_is_in_progress_is_reported_when_the_server_stops(lines: Any) -> None:
    time, part = Time(), Part()
    outage = Outage("database", part.check, clock=time, sleep=time.sleep)
    await outage.stop()
    fail(outage, 7)
    await time.advance(3)
    lines()
    await outage.stop()
    assert lines() == [
        (
            "WARNING",
            (
                "still unavailable when the server stops: database, 3 s after the outage began;"
                " 7 requests got 503"
            ),
        )
    ]


def test_the_verifier_and_the_database_have_separate_outages(
    make_app: MakeApp, make_client: MakeClient, verifier: FakeTokenVerifier, lines: Any
) -> None:
    todos = BrokenTodos(RepositoryUnavailableError("the database is down"))
    client = make_client(make_app(parts={"todos": todos}), "ada")
    unreachable = FakeTokenVerifier(otherwise=VerifierUnavailableError("the issuer is down"))
    down: Client = make_client(make_app(parts={"token_verifier": unreachable}), "a")
    for _ in range(20):
        assert client.get("/api/todos").status_code == 503
        assert down.get("/api/me").status_code == 503
    verifier.known["bob"] = VerifierUnavailableError("the issuer is down")
    client.headers["Authorization"] = "Bearer bob"
    assert client.get("/api/me").status_code == 503
    assert [line.partition(".")[0] for _, line in lines()] == [
        "unavailable: database: the database is down",
        "unavailable: verifier: the issuer is down",
        "unavailable: verifier: the issuer is down",
    ]
