"""The spans of SQL statements, on both databases."""

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode, Tracer

from backend.adapters.persistence.postgres import idempotency, repository
from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.adapters.persistence.sqlite.database import SqliteDatabase
from backend.adapters.tracing.postgres import TracedPostgresConnections
from backend.adapters.tracing.sqlite import TracedSqliteConnections
from backend.adapters.tracing.statements import describe
from backend.domain.todo_repository import RepositoryUnavailableError
from tests.adapters.tracing.conftest import RequestSpan
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio

USER = "user-4711"
TABLE = "CREATE TABLE todos (user_id text, title text)"  # a migration takes a second


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        (repository._ADD, "INSERT todos"),  # every statement, however it is built
        (repository._ADD_COUNTED, "INSERT todos"),
        (repository._GET, "SELECT todos"),
        (repository._SAVE, "UPDATE todos"),
        (repository._REMOVE, "DELETE todos"),
        (idempotency._ADD_UNCOUNTED, "INSERT todos"),
        (idempotency._ADD_COUNTED, "INSERT todos"),
        (idempotency._FIND, "SELECT idempotency_keys"),
        ("SELECT 1", "SELECT"),
        ("INSERT OR REPLACE INTO idempotency_keys (key) VALUES (:key)", "INSERT idempotency_keys"),
        ("WITH a AS (SELECT 1) SELECT * FROM a", "SELECT a"),
        ("BEGIN IMMEDIATE", "BEGIN"),
        ("COMMIT", "COMMIT"),
    ],
)
async def test_a_statement_is_named_after_its_operation_and_table(
    statement: str, name: str
) -> None:
    described, attributes = describe(statement)
    assert described == attributes["db.query.summary"] == name
    assert attributes["db.query.text"] == " ".join(statement.split())


def finished(memory: InMemorySpanExporter) -> ReadableSpan:
    """Return the span of the statement, which ends before the span of the request."""
    span = memory.get_finished_spans()[0]
    assert USER not in span.to_json()
    assert span.attributes is not None
    assert isinstance(span.attributes["db.client.connection.wait_time"], float)
    return span


def attribute(span: ReadableSpan, name: str) -> Any:
    assert span.attributes is not None
    return span.attributes.get(name)


@pytest.fixture(scope="module")
def postgres_url(postgres_server: PostgresServer) -> str:
    url = postgres_server.create_database()
    postgres_server.execute(f"{TABLE}; GRANT ALL ON todos TO PUBLIC", url)
    return url


async def test_statements_of_requests_on_postgresql_are_spans_without_values(
    memory: InMemorySpanExporter, tracer: Tracer, request_span: RequestSpan, postgres_url: str
) -> None:
    make = partial(TracedPostgresConnections, tracer=tracer)
    async with PostgresDatabase(postgres_url, make_connections=make) as database:
        fetch = database.connections.fetch
        await fetch("SELECT title FROM todos WHERE user_id = $1::text", USER)
        assert memory.get_finished_spans() == ()  # outside of a request
        with request_span():
            await fetch("SELECT title FROM todos WHERE user_id = $1::text", USER)
        span = finished(memory)
        assert span.name == "SELECT todos"
        assert attribute(span, "db.system.name") == "postgresql"
        assert attribute(span, "db.namespace") == postgres_url.rpartition("/")[2]
        assert attribute(span, "server.address") == "127.0.0.1"
        assert span.status.status_code is StatusCode.UNSET

        memory.clear()
        with request_span(), pytest.raises(asyncpg.PostgresError):
            await fetch("SELECT $1::text::integer FROM todos RIGHT JOIN (SELECT 1) ON true", USER)
        span = finished(memory)
        assert attribute(span, "db.response.status_code") == "22P02"
        assert attribute(span, "error.type") == "InvalidTextRepresentationError"
        assert span.status.status_code is StatusCode.ERROR
        assert span.status.description is None

        memory.clear()
        with request_span(), pytest.raises(RepositoryUnavailableError):
            await fetch("SELECT title FROM missing WHERE $1 = title", USER)
        assert attribute(finished(memory), "db.response.status_code") == "42P01"


async def test_statements_of_requests_on_sqlite_are_spans_without_values(
    memory: InMemorySpanExporter, tracer: Tracer, request_span: RequestSpan, tmp_path: Path
) -> None:
    path = tmp_path / "todos.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(TABLE)
    make = partial(TracedSqliteConnections, tracer=tracer)
    async with SqliteDatabase(f"sqlite:///{path}", make_connections=make) as database:
        statement = "SELECT title FROM todos WHERE user_id = :user_id"
        await database.readers.fetch(statement, {"user_id": USER}, user_id=USER)
        assert memory.get_finished_spans() == ()
        with request_span():
            await database.readers.fetch(statement, {"user_id": USER}, user_id=USER)
        span = finished(memory)
        assert span.name == "SELECT todos"
        assert attribute(span, "db.system.name") == "sqlite"
        memory.clear()
        with request_span(), pytest.raises(RepositoryUnavailableError):
            await database.readers.fetch("SELECT * FROM missing", {}, user_id=USER)
        span = finished(memory)
        assert attribute(span, "error.type") == "OperationalError"
        assert attribute(span, "db.response.status_code") == "SQLITE_ERROR"
