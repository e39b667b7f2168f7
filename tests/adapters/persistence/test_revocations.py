"""Stores of revocations: the contract of every store, and the privileges that stores need."""

import sqlite3
import uuid
from collections.abc import AsyncIterator
from contextlib import closing

import pytest

from backend.adapters.persistence import memory
from backend.adapters.persistence.memory import InMemoryDatabase
from backend.adapters.persistence.postgres import revocations as postgres
from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.adapters.persistence.postgres.revocations import PostgresRevocationStore
from backend.adapters.persistence.sqlite import revocations as sqlite
from backend.adapters.persistence.sqlite.database import SqliteDatabase
from backend.adapters.persistence.sqlite.revocations import SqliteRevocationStore
from backend.container.database import choose_revocation_store, choose_user_data
from backend.domain.revocation import (
    Revocation,
    RevocationKind,
    RevocationStore,
    TooManyRevocationsError,
)
from backend.domain.todo_repository import RepositoryUnavailableError

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000.0

Database = InMemoryDatabase | SqliteDatabase | PostgresDatabase


def user(value: str, before: float = NOW, *, expires_at: float = NOW + 900) -> Revocation:
    return Revocation(
        kind=RevocationKind.USER, value=value, issued_before=before, expires_at=expires_at
    )


def session(value: str, *, expires_at: float = NOW + 900) -> Revocation:
    return Revocation(kind=RevocationKind.SESSION, value=value, expires_at=expires_at)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def closed_database(request: pytest.FixtureRequest) -> Database:
    """A database of each kind."""
    match request.param:
        case "sqlite":
            return SqliteDatabase(request.getfixturevalue("sqlite_url"))
        case "postgres":
            return PostgresDatabase(request.getfixturevalue("postgres_url"))
        case _:
            return InMemoryDatabase()


@pytest.fixture
async def store(closed_database: Database) -> AsyncIterator[RevocationStore]:
    """An empty store of each kind."""
    async with closed_database as database:
        if isinstance(database, PostgresDatabase):
            await database.connections.ask("DELETE FROM revocations")
        yield choose_revocation_store(database)


async def entries_of(store: RevocationStore) -> set[Revocation]:
    entries = await store.list()
    assert len(entries) == len(set(entries))
    return set(entries)


async def test_a_new_store_revokes_nothing(store: RevocationStore) -> None:
    assert await entries_of(store) == set()


async def test_every_kind_of_entry_is_listed_as_it_was_added(store: RevocationStore) -> None:
    entries = {
        user("ada", NOW + 0.123456),
        session("ada"),  # the same text as another kind
        Revocation(kind=RevocationKind.TOKEN, value="ada", expires_at=NOW + 0.5),
        user("Ünïcode '; DROP TABLE revocations; --"),
    }
    for entry in entries:
        await store.add(entry, now=NOW)
    assert await entries_of(store) == entries


async def test_the_later_times_of_two_entries_count(store: RevocationStore) -> None:
    await store.add(user("ada", NOW, expires_at=NOW + 10), now=NOW)
    await store.add(user("ada", NOW - 100, expires_at=NOW + 900), now=NOW)
    assert await entries_of(store) == {user("ada", NOW, expires_at=NOW + 900)}
    await store.add(user("ada", NOW + 5, expires_at=NOW + 20), now=NOW)
    assert await entries_of(store) == {user("ada", NOW + 5, expires_at=NOW + 900)}
    await store.add(session("s"), now=NOW)
    await store.add(session("s", expires_at=NOW + 5), now=NOW)
    assert session("s") in await entries_of(store)


async def test_expired_entries_are_deleted_by_the_next_entry(store: RevocationStore) -> None:
    await store.add(user("ada", expires_at=NOW + 10), now=NOW)
    await store.add(session("s", expires_at=NOW + 11), now=NOW)
    await store.add(user("bob"), now=NOW + 10)
    assert await entries_of(store) == {session("s", expires_at=NOW + 11), user("bob")}
    await store.add(session("s", expires_at=NOW + 50), now=NOW + 20)
    assert session("s", expires_at=NOW + 50) in await entries_of(store)


async def test_a_full_store_refuses_new_entries_and_extends_known_entries(
    store: RevocationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (memory, sqlite, postgres):
        monkeypatch.setattr(module, "MAX_REVOCATIONS", 2)
    await store.add(user("ada"), now=NOW)
    await store.add(user("bob", expires_at=NOW + 5), now=NOW)
    with pytest.raises(TooManyRevocationsError):
        await store.add(user("eve"), now=NOW)
    await store.add(user("ada", NOW + 1), now=NOW)
    assert await entries_of(store) == {user("ada", NOW + 1), user("bob", expires_at=NOW + 5)}
    await store.add(user("eve"), now=NOW + 5)  # an entry has expired
    assert await entries_of(store) == {user("ada", NOW + 1), user("eve")}


async def test_a_closed_database_is_unavailable(sqlite_url: str, postgres_url: str) -> None:
    for database in (SqliteDatabase(sqlite_url), PostgresDatabase(postgres_url)):
        closed = choose_revocation_store(database)
        with pytest.raises(RepositoryUnavailableError):
            await closed.list()
        with pytest.raises(RepositoryUnavailableError):
            await closed.add(user("ada"), now=NOW)


async def test_a_schema_without_the_table_is_unavailable(sqlite_url: str) -> None:
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection:
        connection.execute("DROP TABLE revocations")
    async with SqliteDatabase(sqlite_url) as database:
        await database.check()  # servers without revocations do not need the table
        with pytest.raises(RepositoryUnavailableError, match="revocations"):
            await SqliteRevocationStore(database).list()


async def test_the_restricted_role_can_read_the_entries_and_not_change_them(
    postgres_url: str, restricted_url: str
) -> None:
    added = user(str(uuid.uuid4()))
    async with PostgresDatabase(postgres_url) as owner:
        await PostgresRevocationStore(owner).add(added, now=NOW)
    async with PostgresDatabase(restricted_url) as database:
        store = PostgresRevocationStore(database)
        assert added in await store.list()
        with pytest.raises(RepositoryUnavailableError, match="InsufficientPrivilege"):
            await store.add(user("bob"), now=NOW)
        for statement in ("DELETE FROM revocations", "UPDATE revocations SET expires_at = 0"):
            with pytest.raises(RepositoryUnavailableError, match="InsufficientPrivilege"):
                await database.connections.ask(statement)
        assert added in await store.list()


async def test_the_tokens_of_a_user_stay_revoked_when_the_data_of_the_user_is_deleted(
    postgres_url: str, sqlite_url: str
) -> None:
    for database in (PostgresDatabase(postgres_url), SqliteDatabase(sqlite_url)):
        async with database:
            entry, store = user(str(uuid.uuid4())), choose_revocation_store(database)
            await store.add(entry, now=NOW)
            await choose_user_data(database).remove(entry.value)
            assert entry in await store.list()
