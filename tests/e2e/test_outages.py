"""The API answers 503 in time while the database is down, and recovers without a restart."""

import sqlite3
import time
from contextlib import closing

import pytest

from tests.e2e.backend import Backend
from tests.e2e.databases import Database
from tests.e2e.processes import wait_for
from tests.e2e.servers import Servers
from tests.postgres import PostgresServer

TIMEOUTS = {"DATABASE_CONNECT_TIMEOUT": "1", "DATABASE_STATEMENT_TIMEOUT": "1"}
MAX_RESPONSE_TIME = 10.0  # seconds; well below the default timeout of clients


def start(servers: Servers, database: Database, secret: str) -> Backend:
    env = {"DATABASE_URL": database.url, "BETTER_AUTH_SECRET": secret, **TIMEOUTS}
    return servers.backend(**env)


def ready(backend: Backend) -> bool:
    response = backend.client.get("/health/ready")
    assert response.status_code in {200, 503}
    assert backend.client.get("/health/live").status_code == 200
    check = response.json()["checks"]["database"]
    assert check == ("ok" if response.status_code == 200 else "unavailable")
    return bool(check == "ok")


def create(backend: Backend, headers: dict[str, str], title: str) -> int:
    """Create a todo, check the time and format of the response, and return its status."""
    started = time.monotonic()
    response = backend.client.post(
        "/api/todos", json={"title": title}, headers={**headers, "Idempotency-Key": title}
    )
    assert time.monotonic() - started < MAX_RESPONSE_TIME
    if response.status_code == 503:
        assert response.json()["code"] == "database_unavailable"
        assert int(response.headers["Retry-After"]) >= 1
    return response.status_code


def readable(backend: Backend, headers: dict[str, str]) -> bool:
    started = time.monotonic()
    response = backend.client.get("/api/todos", headers=headers)
    assert time.monotonic() - started < MAX_RESPONSE_TIME
    assert response.status_code in {200, 503}
    assert response.is_success or response.headers["Retry-After"]
    return response.is_success


def stored_titles(database: Database) -> list[str]:
    return sorted(title for _, title, _ in database.todos_and_keys())


def test_the_backend_reconnects_after_a_restart_of_postgres(
    servers: Servers, postgres_server: PostgresServer, auth_headers: dict[str, str], secret: str
) -> None:
    database = Database.create_postgres(postgres_server)
    backend = start(servers, database, secret)
    assert create(backend, auth_headers, "before") == 201
    postgres_server.stop()
    try:
        assert create(backend, auth_headers, "during") == 503
        assert not readable(backend, auth_headers)
        assert not ready(backend)
    finally:
        postgres_server.start()
    wait_for(lambda: ready(backend) or None, within=30)
    wait_for(lambda: readable(backend, auth_headers) or None, within=30)
    for title in ("before", "during"):
        assert create(backend, auth_headers, title) == 201
    assert stored_titles(database) == ["before", "during"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_locked_sqlite_file_is_readable_and_is_writable_after_the_lock(
    servers: Servers, database: Database, auth_headers: dict[str, str], secret: str
) -> None:
    backend = start(servers, database, secret)
    assert create(backend, auth_headers, "before") == 201
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert create(backend, auth_headers, "during") == 503
        assert readable(backend, auth_headers)
        assert ready(backend)
    wait_for(lambda: create(backend, auth_headers, "during") == 201 or None, within=30)
    assert create(backend, auth_headers, "before") == 201
    assert stored_titles(database) == ["before", "during"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_backend_recovers_after_the_sqlite_file_could_not_be_opened(
    servers: Servers, database: Database, auth_headers: dict[str, str], secret: str
) -> None:
    backend = start(servers, database, secret)
    moved = database.path.rename(database.path.with_suffix(".away"))
    database.path.mkdir()  # not even root can open a folder as a file
    assert create(backend, auth_headers, "during") == 503
    assert not readable(backend, auth_headers)
    assert not ready(backend)
    database.path.rmdir()
    moved.rename(database.path)
    assert ready(backend)
    assert create(backend, auth_headers, "during") == 201
    assert readable(backend, auth_headers)
