"""An SQLite file, and a check that its threads end."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def path(sqlite_url: str) -> Path:
    return Path(sqlite_url.removeprefix("sqlite:///"))


@pytest.fixture(autouse=True)
def no_thread_survives() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        if not thread.name.startswith("asyncio_"):  # the event loop's own
            thread.join(1)
            assert not thread.is_alive()
