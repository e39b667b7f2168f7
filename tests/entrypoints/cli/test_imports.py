"""What a server imports, and the garbage collector, which is off meanwhile."""

import asyncio
import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from backend.adapters.persistence.schema.upgrades import upgrade
from backend.adapters.persistence.sqlite.database import SqliteDatabase
from backend.entrypoints.cli.imports import without_garbage_collection
from tests.e2e.processes import ROOT, environment

SECRET: Final = "correct horse battery staple three times"

# Packages and modules that a server with a secret and SQLite, and with defaults, does not need.
UNNEEDED: Final = frozenset(
    {
        *("alembic", "asyncpg", "httpx2", "mcp", "opentelemetry.sdk", "rich", "sqlalchemy"),
        *("websockets", "backend.entrypoints.server.websockets"),
        *("backend.adapters.auth.better_auth.cookie_formats", "backend.adapters.auth.jose.jwe"),
        *("backend.adapters.auth.explain", "backend.adapters.auth.jwks.keys"),
        *("backend.adapters.auth.better_auth.development", "backend.adapters.auth.oidc"),
        "backend.adapters.auth.better_auth.session_tokens",
        *("backend.adapters.persistence.memory", "backend.adapters.persistence.postgres"),
        *("backend.adapters.persistence.schema.failures", "backend.adapters.tracing"),
        *("backend.container.inspection", "backend.container.migrations"),
        *("backend.entrypoints.cli.development", "backend.entrypoints.http.pages"),
        *("backend.entrypoints.http.openapi.completion", "backend.entrypoints.mcp"),
    }
)

# Starts and stops the app as `serve` does, and prints the modules in between.
SERVE: Final = """
import asyncio, sys
from backend.entrypoints.cli import serving
from backend.entrypoints.server import process

async def start(app):
    async with app.router.lifespan_context(app):
        print(*sys.modules)

process.run_app = lambda app, *_, **options: asyncio.run(start(app))
serving.serve(host=None, port=None, workers=None, env_file=None)
"""


@pytest.fixture(autouse=True)
def unfrozen() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_the_collector_is_off_while_a_server_is_imported_and_on_afterwards() -> None:
    with without_garbage_collection():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_the_collector_is_on_after_an_import_that_fails() -> None:
    with pytest.raises(ImportError), without_garbage_collection():
        raise ImportError
    assert gc.isenabled()


def modules_of_a_server(tmp_path: Path, **variables: str) -> set[str]:
    """Start `serve`, and return the modules that are imported when the app has started."""
    url = f"sqlite:///{tmp_path / 'todos.db'}"
    asyncio.run(upgrade(SqliteDatabase(url)))
    done = subprocess.run(
        [sys.executable, "-c", SERVE],
        cwd=ROOT,
        env=environment({"DATABASE_URL": url, "PORT": "0", **variables}),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return set(done.stdout.split())


def test_a_server_imports_nothing_of_the_features_that_are_off(tmp_path: Path) -> None:
    loaded = modules_of_a_server(tmp_path, BETTER_AUTH_SECRET=SECRET)
    assert {"aiosqlite", "backend.container.sqlite", "backend.entrypoints.http.todos"} <= loaded
    assert loaded & UNNEEDED == set()
