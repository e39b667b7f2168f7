"""What tests of more than one room share."""

import logging
import os
from collections.abc import Iterator

import hypothesis
import pytest

from backend.settings import Settings
from backend.settings.client_environment import VARIABLES as CLIENT_VARIABLES
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
        ours = name.lower() in Settings.model_fields or name.upper().startswith(PREFIXES)
        if ours or name.upper() in CLIENT_VARIABLES:
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    """Put back the handlers and levels of the log that a command of ours changes."""
    root = logging.getLogger()
    handlers, levels = root.handlers[:], _log_levels()
    yield
    root.handlers[:] = handlers
    for name in _log_levels():
        logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))


def _log_levels() -> dict[str, int]:
    names = ["root", *logging.root.manager.loggerDict]
    return {name: logging.getLogger(name).level for name in names}


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server to make databases on."""
    with PostgresServer() as server:
        yield server
