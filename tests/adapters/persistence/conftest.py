"""Databases with a schema."""

import asyncio
import shutil
from pathlib import Path

import pytest

from backend.adapters.persistence import schema
from tests.adapters.persistence.samples import a_user
from tests.postgres import PostgresServer


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    url = postgres_server.create_database()
    asyncio.run(schema.upgrade(url))
    return url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database to copy, never to open."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(schema.upgrade(f"sqlite:///{path}"))
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'todos.db')}"


@pytest.fixture
def alice() -> str:
    return a_user()


@pytest.fixture
def bob() -> str:
    return a_user()
