"""What was acknowledged outlives any crash, and what was not can be sent again."""

from collections.abc import Iterator
from random import SystemRandom
from uuid import UUID

import pytest

from tests.e2e.crowd import Writes
from tests.e2e.databases import Database
from tests.e2e.servers import Servers
from tests.postgres import PostgresServer

pytestmark = pytest.mark.timeout(300)  # many servers, and many writes

CRASHES = 3
COUNT = 1000


@pytest.fixture
def durable_server(postgres_server: PostgresServer) -> Iterator[PostgresServer]:
    """The server, told to make what it writes survive."""
    postgres_server.stop()
    postgres_server.start(durable=True)
    yield postgres_server
    postgres_server.stop()
    postgres_server.start()


def see_that_all_is_whole(database: Database, writes: Writes) -> dict[str, UUID]:
    """Return the ids of all todos by number, once nothing is half there and nothing is lost."""
    pairs = database.pairs()
    assert [(title, key) for _, title, key in pairs if title != key] == []
    kept = {key: todo_id for todo_id, _, key in pairs}
    assert len(kept) == len(pairs)
    assert writes.acknowledged.items() <= kept.items()
    return kept


def test_what_a_killed_server_acknowledged_is_there_and_the_rest_is_written_once(
    servers: Servers, database: Database, owner: dict[str, str], secret: str
) -> None:
    writes = Writes(COUNT)
    for _ in range(CRASHES):
        backend = servers.backend(DATABASE_URL=database.url, BETTER_AUTH_SECRET=secret)
        writes.write(backend, owner, until=SystemRandom().randint(50, 250), then=backend.kill)
        assert writes.pending
        see_that_all_is_whole(database, writes)
    backend = servers.backend(DATABASE_URL=database.url, BETTER_AUTH_SECRET=secret)
    writes.finish(backend, owner)
    assert see_that_all_is_whole(database, writes) == writes.acknowledged
    assert len(writes.acknowledged) == COUNT


def test_what_was_acknowledged_outlives_a_crash_of_the_database(
    servers: Servers, durable_server: PostgresServer, owner: dict[str, str], secret: str
) -> None:
    database = Database.on_server(durable_server)
    backend = servers.backend(DATABASE_URL=database.url, BETTER_AUTH_SECRET=secret)
    writes = Writes(COUNT // 2)
    writes.write(backend, owner, until=COUNT // 4, then=durable_server.kill)
    assert writes.pending
    durable_server.start(durable=True)
    see_that_all_is_whole(database, writes)
    writes.finish(backend, owner)  # once it has found its database again
    assert see_that_all_is_whole(database, writes) == writes.acknowledged
    assert len(writes.acknowledged) == COUNT // 2
