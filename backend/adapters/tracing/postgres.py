"""Spans of the statements that a pool of PostgreSQL connections runs."""

import time
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.trace import Tracer

from backend.adapters.persistence.permits import PROGRAM
from backend.adapters.persistence.postgres.connections import PostgresConnections
from backend.adapters.persistence.postgres.leases import Connection, ConnectionLeases
from backend.adapters.tracing.context import is_recording
from backend.adapters.tracing.statements import POOL_WAIT, StatementSpans

_PORT: Final = 5432


class TracedConnectionLeases(ConnectionLeases):
    """Records on the current span how long its statement has waited for a connection."""

    def take(self, user_id: str = PROGRAM) -> "Connection | None":
        """Lease an idle connection; see `ConnectionLeases`."""
        connection = super().take(user_id)
        if connection is not None:
            trace.get_current_span().set_attribute(POOL_WAIT, 0.0)
        return connection

    async def acquire(self, user_id: str = PROGRAM) -> Connection:
        """Lease a connection; see `ConnectionLeases`."""
        started = time.perf_counter()
        try:
            return await super().acquire(user_id)
        finally:
            waited = time.perf_counter() - started
            trace.get_current_span().set_attribute(POOL_WAIT, waited)


class TracedPostgresConnections(PostgresConnections):
    """Records a span for each statement inside of a traced request.

    Args:
        url: The URL of the database.
        tracer: Makes the spans.
        **options: The other arguments of `PostgresConnections`.
    """

    _leases_class = TracedConnectionLeases

    def __init__(self, url: str, *, tracer: Tracer, **options: Any) -> None:
        super().__init__(url, **options)
        self._spans = StatementSpans(tracer, {"db.system.name": "postgresql", **_server(url)})

    async def _run(
        self, statement: str, user_id: str, values: Sequence[object], **options: Any
    ) -> Sequence[Any]:
        if not is_recording():
            return await super()._run(statement, user_id, values, **options)
        with self._spans.record(statement):
            return await super()._run(statement, user_id, values, **options)


def _server(url: str) -> dict[str, str | int]:
    """Return the attributes of the server that a URL names; none if it names several."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _PORT
    except ValueError:
        return {}
    if not host or "," in parts.netloc:
        return {}
    return {"db.namespace": parts.path.strip("/"), "server.address": host, "server.port": port}
