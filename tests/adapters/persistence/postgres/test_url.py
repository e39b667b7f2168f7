"""URLs as providers and other clients write them: understood, or refused with a remedy."""

from pathlib import Path

import pytest

from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.adapters.persistence.postgres.repository import PostgresTodoRepository
from backend.adapters.persistence.postgres.url import UrlParameterError, read_url
from backend.adapters.persistence.schema.diagnosis import diagnose_database
from backend.adapters.persistence.schema.upgrades import upgrade
from backend.domain.todo_list import TodoQuery
from tests.adapters.persistence.postgres.wire import Wire
from tests.adapters.persistence.samples import a_todo
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio

PLAIN = "postgresql://me:secret@db.example.com:5432/todos"


def dsn(query: str) -> str:
    return read_url(f"{PLAIN}?{query}").dsn.removeprefix(PLAIN)


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("sslmode=require", "?sslmode=require"),
        ("schema=public", ""),
        ("schema=public&sslmode=require", "?sslmode=require"),
        ("schema=app", "?search_path=%22app%22"),
        ('schema=my "app"', "?search_path=%22my+%22%22app%22%22%22"),
        ("currentSchema=app", "?search_path=%22app%22"),
        ("pgbouncer=true", ""),
        ("pgbouncer=true&connect_timeout=10", ""),
        ("prepared_statements=false", ""),
        ("channel_binding=prefer", ""),
        ("channel_binding=disable", ""),
        ("client_encoding=utf8", ""),
        ("application_name=todos", "?application_name=todos"),
        ("fallback_application_name=todos", "?application_name=todos"),
        ("options=-c%20lock_timeout%3D1s", "?options=-c%20lock_timeout%3D1s"),
        ("target_session_attrs=read-write", "?target_session_attrs=read-write"),
        ("statement_timeout=2000", "?statement_timeout=2000"),
    ],
)
def test_parameters_of_providers_are_understood(query: str, left: str) -> None:
    assert dsn(query) == left


def test_a_url_without_foreign_parameters_is_not_changed() -> None:
    for url in (
        "postgresql://db1,db2:5433/todos?target_session_attrs=primary",
        "postgres:///todos?host=/run/postgresql",
        "postgresql://m%40e:p%2Fw@[::1]:5432/todos",
    ):
        assert read_url(url).dsn == url


def test_the_primary_of_several_hosts_is_chosen() -> None:
    url = "postgresql://me:p,w@db1,db2:5433/todos"
    assert read_url(url).dsn == f"{url}?target_session_attrs=read-write"
    url = f"{url}?target_session_attrs=any"
    assert read_url(url).dsn == url
    url = "postgresql://me:p,w@db1/todos"
    assert read_url(url).dsn == url


def test_options_of_the_program_are_taken_from_the_url() -> None:
    url = read_url(f"{PLAIN}?pgbouncer=true&connect_timeout=10")
    assert (url.pooled, url.connect_timeout) == (True, 10.0)
    url = read_url(f"{PLAIN}?pgbouncer=false&connect_timeout=0")
    assert (url.pooled, url.connect_timeout) == (False, None)
    assert read_url(f"{PLAIN}?prepared_statements=false").pooled


@pytest.mark.parametrize(
    ("query", "name", "remedy"),
    [
        ("channel_binding=require", "channel_binding", "sslmode=verify-full"),
        ("sslmode=require&channel_binding=require", "channel_binding", "Remove channel_binding"),
        ("sslmode=no-verify", "sslmode", "require"),
        ("sslmode=", "sslmode", "verify-full"),
        ("sslmode", "sslmode", "verify-full"),
        ("ssl=true", "ssl", "sslmode=require"),
        ("sslaccept=strict", "sslaccept", "sslmode=verify-full"),
        ("sslrootcert=/nowhere/ca.pem", "sslrootcert", "Correct sslrootcert"),
        ("sslrootcert=system&sslmode=require", "sslrootcert", "sslmode=verify-full"),
        ("sslmode=verify-full", "sslmode", "Add sslrootcert"),
        ("target_session_attrs=master", "target_session_attrs", "read-write"),
        ("target_session_attrs=prefer-standby", "target_session_attrs", "read-write"),
        ("target_session_attrs=standby", "target_session_attrs", "read-write"),
        ("target_session_attrs=read-only", "target_session_attrs", "read-write"),
        ("connection_limit=5", "connection_limit", "DATABASE_POOL_SIZE"),
        ("pool_timeout=5", "pool_timeout", "DATABASE_CONNECT_TIMEOUT"),
        ("socket_timeout=5", "socket_timeout", "DATABASE_STATEMENT_TIMEOUT"),
        ("connect_timeout=soon", "connect_timeout", "number of seconds"),
        ("pgbouncer=yes", "pgbouncer", "true or false"),
        ("keepalives_idle=30", "keepalives_idle", "Remove keepalives_idle"),
        ("application_name=", "application_name", "Remove application_name"),
    ],
)
async def test_other_parameters_are_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, query: str, name: str, remedy: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PGSSLROOTCERT", raising=False)
    with pytest.raises(UrlParameterError, match=f"the parameter {name} ") as refused:
        read_url(f"{PLAIN}?{query}")
    assert remedy in refused.value.remedy
    (found, _) = await diagnose_database(PostgresDatabase(f"{PLAIN}?{query}"))
    assert (found.problem, found.remedy) == (str(refused.value), refused.value.remedy)
    assert "secret" not in str(found)


def test_a_verified_certificate_replaces_channel_binding() -> None:
    query = "sslmode=verify-full&sslrootcert=system&channel_binding=require"
    assert "channel_binding" not in dsn(query)
    assert "sslrootcert=%2F" in dsn(query)


async def test_a_part_of_a_password_is_not_shown_as_a_parameter() -> None:
    url = "postgresql://me:what?hun=ter2@db.example.com/todos"
    (found, _) = await diagnose_database(PostgresDatabase(url.replace("hun=", "hun@=")))
    assert found.problem == "the driver cannot read DATABASE_URL"
    assert "hun" not in str(found)


@pytest.mark.parametrize("parameter", ["no_such_setting=on", "statement_timeout=soon"])
async def test_a_parameter_that_the_server_refuses_is_named(
    postgres_url: str, parameter: str
) -> None:
    (found, _) = await diagnose_database(PostgresDatabase(f"{postgres_url}?{parameter}"))
    assert parameter.partition("=")[0] in str(found.problem)
    assert found.remedy == "Remove the parameter from DATABASE_URL, or correct it."


async def test_a_url_for_a_pooler_prepares_no_statements(postgres_url: str, alice: str) -> None:
    async with Wire(postgres_url) as wire:
        async with PostgresDatabase(f"{wire.url}?pgbouncer=true") as database:
            await PostgresTodoRepository(database).list(alice, TodoQuery())
        sent = b"".join(wire.sent)
    assert b"__asyncpg_stmt" not in sent
    assert b"statement_timeout" not in sent


async def test_the_schema_of_a_url_holds_the_tables(
    postgres_server: PostgresServer, alice: str
) -> None:
    url = postgres_server.create_database()
    postgres_server.execute('CREATE SCHEMA "my app" AUTHORIZATION todos_owner', url)
    database = PostgresDatabase(f"{url}?schema=my%20app&connect_timeout=10")
    await upgrade(database)
    assert await database.revision()
    async with database:
        todos, todo = PostgresTodoRepository(database), a_todo()
        await todos.add(alice, todo)
        assert await todos.get(alice, todo.id) == todo
    assert postgres_server.execute('SELECT count(*) FROM "my app".todos', url) == "1"
    assert await PostgresDatabase(url).revision() is None


async def test_the_first_of_several_hosts_that_is_writable_is_used(postgres_url: str) -> None:
    address = postgres_url.partition("@")[2].partition("/")[0]
    url = postgres_url.replace(address, f"127.0.0.1:1,{address}")
    async with PostgresDatabase(f"{url}?target_session_attrs=read-write") as database:
        await database.check()
