"""Spans of the statements that a pool of SQLite connections runs."""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from opentelemetry.trace import Tracer

from backend.adapters.persistence.sqlite.connections import SqliteConnections
from backend.adapters.tracing.context import is_recording
from backend.adapters.tracing.statements import POOL_WAIT, StatementSpans

_T = TypeVar("_T")


class TracedSqliteConnections(SqliteConnections):
    """Records a span for each statement inside of a traced request.

    Args:
        path: The database file.
        tracer: Makes the spans.
        **options: The other arguments of `SqliteConnections`.
    """

    def __init__(self, path: Path, *, tracer: Tracer, **options: Any) -> None:
        super().__init__(path, **options)
        self._spans = StatementSpans(tracer, {"db.system.name": "sqlite"})

    async def run(
        self, work: Callable[[Any], Awaitable[_T]], *, user_id: str, **options: Any
    ) -> _T:
        """Run some work of a user on a connection; see `SqliteConnections`."""
        if not is_recording():
            return await super().run(work, user_id=user_id, **options)
        started = time.perf_counter()

        async def traced_work(connection: Any) -> _T:
            waited = time.perf_counter() - started
            return await work(_TracedConnection(connection, self._spans, waited=waited))

        return await super().run(traced_work, user_id=user_id, **options)


class _TracedConnection:
    """The methods of a connection that repositories use.

    Args:
        connection: The connection.
        spans: Makes the spans.
        waited: The time in seconds that the work has waited for the connection.
    """

    def __init__(self, connection: Any, spans: StatementSpans, *, waited: float) -> None:
        self._connection = connection
        self._spans = spans
        self._waited = waited

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def execute(self, statement: str, values: Mapping[str, Any] | None = None) -> Any:
        with self._spans.record(statement) as span:
            span.set_attribute(POOL_WAIT, self._waited)
            return await self._connection.execute(statement, values)

    async def execute_fetchall(
        self, statement: str, values: Mapping[str, Any] | None = None
    ) -> Iterable[Any]:
        with self._spans.record(statement) as span:
            span.set_attribute(POOL_WAIT, self._waited)
            rows: Iterable[Any] = await self._connection.execute_fetchall(statement, values)
            return rows

    async def commit(self) -> None:
        with self._spans.record("COMMIT"):
            await self._connection.commit()
