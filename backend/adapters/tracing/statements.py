"""Spans of SQL statements, by the conventions for database clients. They contain no values."""

import functools
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer

POOL_WAIT: Final = "db.client.connection.wait_time"  # seconds

# The main statement of `WITH` comes last; `SELECT` writes nothing.
_CHANGES: Final = re.compile(
    r"\b(INSERT) (?:OR \w+ )?INTO (\w+)|\b(UPDATE) (\w+)\s+SET|\b(DELETE) FROM (\w+)"
)
_SOURCE: Final = re.compile(r"\bFROM (\w+)")


class StatementSpans:
    """Makes the spans of the statements of a database.

    Args:
        tracer: Makes the spans.
        attributes: The attributes of every span, such as `db.system.name`.
    """

    def __init__(self, tracer: Tracer, attributes: Mapping[str, str | int]) -> None:
        self._tracer = tracer
        self._attributes = dict(attributes)

    @contextmanager
    def record(self, statement: str) -> Iterator[Span]:
        """Record a span while a statement runs."""
        name, described = describe(statement)
        with self._tracer.start_as_current_span(
            name,
            kind=SpanKind.CLIENT,
            attributes={**self._attributes, **described},
            record_exception=False,  # the message of an error quotes values
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except BaseException as error:
                cause = error.__cause__ or error  # what the driver raised
                span.set_status(StatusCode.ERROR)
                span.set_attribute("error.type", type(cause).__qualname__)
                code = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
                if isinstance(code, str):
                    span.set_attribute("db.response.status_code", code)
                raise


@functools.lru_cache(256)
def describe(statement: str) -> tuple[str, Mapping[str, str]]:
    """Return the name of the span of a statement, and its attributes."""
    text = " ".join(statement.split())
    operation, table = _operation(text)
    name = f"{operation} {table}".rstrip()
    attributes = {
        "db.operation.name": operation,
        "db.query.summary": name,
        "db.query.text": text,
    }
    if table:
        attributes["db.collection.name"] = table
    return name, attributes


def _operation(text: str) -> tuple[str, str]:
    """Return the operation of a statement, and the table that it reads or changes, if any."""
    changes = _CHANGES.findall(text)
    if changes:
        operation, table = filter(None, changes[-1])
        return operation, table
    first = text.partition(" ")[0].upper()
    if first == "WITH":
        first = "SELECT"
    source = _SOURCE.search(text)
    return first, source[1] if source and first == "SELECT" else ""
