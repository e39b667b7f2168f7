"""What tests of more than one room share."""

import os
from collections.abc import Iterator

import hypothesis
import pytest

from backend.settings import Settings
from backend.settings.spelling import PREFIXES
from tests.postgres import PostgresServer

# A busy machine is no reason to fail.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio, as the server does."""
    return "asyncio"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what configures the developer's own servers away from the ones under test."""
    for name in tuple(os.environ):
        if name.lower() in Settings.model_fields or name.upper().startswith(PREFIXES):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server to make databases on."""
    with PostgresServer() as server:
        yield server
