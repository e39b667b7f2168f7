"""Several hosts in a URL: the primary is found, even while another host does not answer."""

import asyncio
import time
from collections.abc import AsyncIterator

import asyncpg
import pytest

from backend.adapters.persistence.postgres import hosts
from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.adapters.persistence.postgres.hosts import connect, split_hosts
from backend.domain.todo_repository import RepositoryUnavailableError
from tests.adapters.persistence.outages import unavailable
from tests.adapters.persistence.postgres.wire import Wire
from tests.e2e.processes import free_port
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio


@pytest.fixture
async def silent() -> AsyncIterator[str]:
    """The address of a host that accepts connections and never answers."""

    async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listener = await asyncio.start_server(stay_silent, "127.0.0.1", 0)
    yield f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    listener.close()
    await listener.wait_closed()


def with_hosts(url: str, *addresses: str) -> str:
    """Return the URL with these hosts before its own host."""
    credentials, _, rest = url.rpartition("@")
    return f"{credentials}@{','.join([*addresses, rest])}"


async def test_a_silent_host_does_not_hide_the_primary(
    postgres_url: str, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "NEXT_HOST_AFTER", 0.2)
    url = with_hosts(postgres_url, silent)
    started = time.monotonic()
    async with PostgresDatabase(url, connect_timeout=20, statement_timeout=20) as database:
        await database.check()
        assert await database.row_level_security() is not None
    assert time.monotonic() - started < 10


async def test_the_next_host_is_tried_at_once_after_a_host_that_is_down(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "NEXT_HOST_AFTER", 60.0)
    url = with_hosts(postgres_url, f"127.0.0.1:{free_port()}")
    async with PostgresDatabase(url, connect_timeout=10) as database:
        await database.check()


async def test_the_first_host_that_accepts_is_used(
    postgres_url: str, postgres_server: PostgresServer
) -> None:
    async with Wire(postgres_url) as wire:
        first = wire.url.rpartition("@")[2].rpartition("/")[0]
        connection = await connect(with_hosts(postgres_url, first))
        await connection.close()
        assert wire.sent


async def test_a_host_that_answers_late_leaves_no_connection_behind(
    postgres_url: str, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "NEXT_HOST_AFTER", 0.1)
    async with Wire(postgres_url) as wire:
        wire.pause()
        late = wire.url.rpartition("@")[2].rpartition("/")[0]
        connection = await connect(with_hosts(postgres_url, late))
        wire.resume()
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        async with asyncio.timeout(10):
            while await connection.fetchval(query) != 1:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.05)
        await connection.close()


async def test_no_connection_to_the_silent_host_is_used_after_a_timeout(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "NEXT_HOST_AFTER", 60.0)
    async with Wire(postgres_url) as wire:
        url = with_hosts(postgres_url, wire.url.rpartition("@")[2].rpartition("/")[0])
        async with PostgresDatabase(
            url, pool_size=4, connect_timeout=3, statement_timeout=1
        ) as database:
            await asyncio.gather(*(database.check() for _ in range(4)))
            wire.pause()
            monkeypatch.setattr(hosts, "NEXT_HOST_AFTER", 0.1)
            with pytest.raises(RepositoryUnavailableError):
                await database.check()
            await asyncio.gather(*(database.check() for _ in range(3)))
            wire.resume()


async def test_the_most_specific_error_is_raised(postgres_url: str) -> None:
    url = with_hosts(postgres_url, f"127.0.0.1:{free_port()}")
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await connect(f"{url}-missing")
    read_only = f"{url}?default_transaction_read_only=on&target_session_attrs=read-write"
    with pytest.raises(OSError, match="Connect call failed"):
        await connect(read_only)
    async with PostgresDatabase(read_only) as database:
        with unavailable():
            await database.check()


def test_each_host_gets_a_url_of_its_own() -> None:
    assert split_hosts("postgresql://me:p,w@db1,[::1]:5433/todos?sslmode=require") == [
        "postgresql://me:p,w@db1/todos?sslmode=require",
        "postgresql://me:p,w@[::1]:5433/todos?sslmode=require",
    ]
    assert split_hosts("postgresql:///todos?host=/run") == ["postgresql:///todos?host=/run"]
