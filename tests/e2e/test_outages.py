"""While the database is away the API says so, in time; when it is back, so is the API."""

import sqlite3
import time
from contextlib import closing

import pytest

from tests.e2e.backend import Backend
from tests.e2e.databases import Database
from tests.e2e.processes import wait_for
from tests.e2e.servers import Servers
from tests.postgres import PostgresServer

# The timeouts of the server, and far less than a client waits that is not told to.
TIMEOUTS = {"DATABASE_CONNECT_TIMEOUT": "1", "DATABASE_STATEMENT_TIMEOUT": "1"}
SOON = 10.0


def start(servers: Servers, database: Database, secret: str) -> Backend:
    env = {"DATABASE_URL": database.url, "BETTER_AUTH_SECRET": secret, **TIMEOUTS}
    return servers.backend(**env)


def ready(backend: Backend) -> bool:
    answer = backend.client.get("/health/ready")
    assert answer.status_code in {200, 503}
    assert backend.client.get("/health/live").status_code == 200
    outcome = answer.json()["checks"]["database"]
    assert outcome == ("ok" if answer.status_code == 200 else "unavailable")
    return bool(outcome == "ok")


def add(backend: Backend, owner: dict[str, str], title: str) -> int:
    """Send a todo and return the status, once it is seen to be told well and in time."""
    begin = time.monotonic()
    answer = backend.client.post(
        "/api/todos", json={"title": title}, headers={**owner, "Idempotency-Key": title}
    )
    assert time.monotonic() - begin < SOON
    if answer.status_code == 503:
        assert answer.json()["code"] == "database_unavailable"
        assert int(answer.headers["Retry-After"]) >= 1
    return answer.status_code


def reachable(backend: Backend, owner: dict[str, str]) -> bool:
    begin = time.monotonic()
    answer = backend.client.get("/api/todos", headers=owner)
    assert time.monotonic() - begin < SOON
    assert answer.status_code in {200, 503}
    assert answer.is_success or answer.headers["Retry-After"]
    return answer.is_success


def test_a_postgres_server_that_goes_away_is_found_again(
    servers: Servers, postgres_server: PostgresServer, owner: dict[str, str], secret: str
) -> None:
    database = Database.on_server(postgres_server)
    backend = start(servers, database, secret)
    assert add(backend, owner, "before") == 201
    postgres_server.stop()
    try:
        assert add(backend, owner, "during") == 503
        assert not reachable(backend, owner)
        assert not ready(backend)
    finally:
        postgres_server.start()
    wait_for(lambda: ready(backend) or None, within=30)
    wait_for(lambda: reachable(backend, owner) or None, within=30)
    for title in ("before", "during"):
        assert add(backend, owner, title) == 201
    assert sorted(title for _, title, _ in database.pairs()) == ["before", "during"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_sqlite_file_that_another_process_locks_can_be_read_and_later_written(
    servers: Servers, database: Database, owner: dict[str, str], secret: str
) -> None:
    backend = start(servers, database, secret)
    assert add(backend, owner, "before") == 201
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert add(backend, owner, "during") == 503
        assert reachable(backend, owner)
        assert ready(backend)
    wait_for(lambda: add(backend, owner, "during") == 201 or None, within=30)
    assert add(backend, owner, "before") == 201
    assert sorted(title for _, title, _ in database.pairs()) == ["before", "during"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_sqlite_file_that_cannot_be_opened_is_found_again(
    servers: Servers, database: Database, owner: dict[str, str], secret: str
) -> None:
    backend = start(servers, database, secret)
    elsewhere = database.path.rename(database.path.with_suffix(".away"))
    database.path.mkdir()  # which nobody can open as a file, not even root
    assert add(backend, owner, "during") == 503
    assert not reachable(backend, owner)
    assert not ready(backend)
    database.path.rmdir()
    elsewhere.rename(database.path)
    assert ready(backend)
    assert add(backend, owner, "during") == 201
    assert reachable(backend, owner)
