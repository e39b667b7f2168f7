"""Fixtures for the tests of several packages."""

import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

from backend.settings import Settings
from backend.settings.client_environment import VARIABLES as CLIENT_VARIABLES
from backend.settings.spelling import PREFIXES
from tests.log_state import restored_logging
from tests.postgres import PostgresServer

pytest_plugins = ["backend.testing.fixtures"]

# No deadline per example, so that a busy machine does not fail a test.
hypothesis.settings.register_profile("no-deadline", deadline=None)
hypothesis.settings.load_profile("no-deadline")
# For `make fuzz`: far more examples.
hypothesis.settings.register_profile("fuzz", max_examples=100_000, deadline=None)

VARIABLES = {*CLIENT_VARIABLES, *(name.upper() for name in Settings.model_fields)}
VARIABLE_PREFIXES = (*PREFIXES, "OTEL_")

# They take the longest, so they start first: at the end, every process has something left to do.
LONGEST = (
    "browser/test_browser.py",
    "test_add_a_field.py",
    "test_add_a_resource.py",
    "test_readme.py",
    "resilience/test_resilience.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the longest files."""
    items.sort(key=lambda item: not item.path.as_posix().endswith(LONGEST))


# A third of all tests, with many cases that run the same lines.
HTTP = Path(__file__).parent / "entrypoints" / "http"
# The functions of these tests that have run.
MEASURED: set[object] = set()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure coverage neither of Hypothesis nor of further cases: it takes as long as the test."""
    measurement = "coverage" in sys.modules and sys.modules["coverage"].Coverage.current()
    function = getattr(item, "function", None)
    is_repeated = function in MEASURED or hasattr(function, "hypothesis")
    if item.path.is_relative_to(HTTP):
        MEASURED.add(function)
    if not measurement or not is_repeated:
        return (yield)
    measurement.stop()
    try:
        return (yield)
    finally:
        measurement.start()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run async tests on asyncio, as the server does."""
    return "asyncio"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove environment variables that configure the developer's own servers."""
    for name in tuple(os.environ):
        if name.upper() in VARIABLES or name.upper().startswith(VARIABLE_PREFIXES):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def logging_of_the_process() -> Iterator[None]:
    """Restore the log handlers and levels that a test has changed."""
    with restored_logging():
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server that tests create databases on."""
    with PostgresServer() as server:
        yield server
