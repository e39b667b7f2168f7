"""Acknowledged writes survive any crash, and the other writes can be repeated."""

from collections.abc import Iterator
from random import SystemRandom
from uuid import UUID

import pytest

from tests.e2e.clients import TodoWriter
from tests.e2e.databases import Database
from tests.e2e.servers import Servers
from tests.postgres import PostgresServer

pytestmark = pytest.mark.timeout(300)  # several servers and many writes

CRASHES = 3
COUNT = 1000


@pytest.fixture
def durable_server(postgres_server: PostgresServer) -> Iterator[PostgresServer]:
    """The PostgreSQL server, restarted with fsync on."""
    postgres_server.stop()
    postgres_server.start(durable=True)
    yield postgres_server
    postgres_server.stop()
    postgres_server.start()


def check_consistency(database: Database, writer: TodoWriter) -> dict[str, UUID]:
    """Check that no write is partial, duplicated or lost; return the id of each todo by number."""
    rows = database.todos_and_keys()
    assert [(title, key) for _, title, key in rows if title != key] == []
    stored = {key: todo_id for todo_id, _, key in rows}
    assert len(stored) == len(rows)
    assert writer.acknowledged.items() <= stored.items()
    return stored


def test_acknowledged_writes_survive_kills_of_the_server_and_repeated_writes_create_no_duplicates(
    servers: Servers, database: Database, auth_headers: dict[str, str], secret: str
) -> None:
    writer = TodoWriter(COUNT)
    for _ in range(CRASHES):
        backend = servers.backend(DATABASE_URL=database.url, BETTER_AUTH_SECRET=secret)
        until = SystemRandom().randint(50, 250)
        writer.write(backend, auth_headers, until=until, then=backend.kill)
        assert writer.pending
        check_consistency(database, writer)
    backend = servers.backend(DATABASE_URL=database.url, BETTER_AUTH_SECRET=secret)
    writer.finish(backend, auth_headers)
    assert check_consistency(database, writer) == writer.acknowledged
    assert len(writer.acknowledged) == COUNT


def test_acknowledged_writes_survive_a_crash_of_the_database(
    servers: Servers, durable_server: PostgresServer, auth_headers: dict[str, str], secret: str
) -> None:
    database = Database.create_postgres(durable_server)
    backend = servers.backend(DATABASE_URL=database.url, BETTER_AUTH_SECRET=secret)
    writer = TodoWriter(COUNT // 2)
    writer.write(backend, auth_headers, until=COUNT // 4, then=durable_server.kill)
    assert writer.pending
    durable_server.start(durable=True)
    check_consistency(database, writer)
    writer.finish(backend, auth_headers)  # includes the time until the backend has reconnected
    assert check_consistency(database, writer) == writer.acknowledged
    assert len(writer.acknowledged) == COUNT // 2
