"""Kills during thousands of writes: every acknowledged write is stored exactly once."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from random import SystemRandom
from typing import Final

from backend.testing.signers import secret_signer
from backend.testing.tokens import sign_token, user_claims
from tests.e2e.backend import NO_COVERAGE, Backend, bearer
from tests.e2e.clients import TodoWriter
from tests.e2e.databases import Database
from tests.resilience.databases import DurableServer
from tests.resilience.guard import Guard
from tests.resilience.measurement import Row, Targets
from tests.resilience.users import Figures

COUNT: Final = 3000  # todos
CRASHES: Final = 5
ACKNOWLEDGED: Final = (200, 500)  # todos between two crashes: at least, and at most

_SECRET: Final = "known to the measurement of durability alone"
_TARGETS: Final = Targets()
_numbers = count(1)


def measure_sqlite(folder: Path, guard: Guard) -> Row:
    """Kill a server with an SQLite file."""
    return _kill_servers("SQLite: server killed", Database.create_sqlite(folder), folder, guard)


def measure_postgres(folder: Path, guard: Guard) -> list[Row]:
    """Kill a server with PostgreSQL, and then PostgreSQL itself."""
    with DurableServer(guard) as server:
        database = Database.create_postgres(server)
        killed = _kill_servers("PostgreSQL: server killed", database, folder, guard)
        return [killed, _kill_database("PostgreSQL: database killed", server, folder, guard)]


def _kill_servers(name: str, database: Database, folder: Path, guard: Guard) -> Row:
    writer, figures = TodoWriter(COUNT), Figures()
    for _ in range(CRASHES):
        with _backend(database, folder, guard) as backend:
            _write(writer, backend, backend.kill)
        _check(database, writer, figures)
    with _backend(database, folder, guard) as backend:
        writer.finish(backend, _headers())
    return _row(name, database, writer, figures)


def _kill_database(name: str, server: DurableServer, folder: Path, guard: Guard) -> Row:
    database = Database.create_postgres(server)
    writer, figures = TodoWriter(COUNT), Figures()
    with _backend(database, folder, guard) as backend:
        for _ in range(CRASHES):
            _write(writer, backend, server.kill)
            server.start()
            _check(database, writer, figures)
        writer.finish(backend, _headers())
    return _row(name, database, writer, figures)


@contextmanager
def _backend(database: Database, folder: Path, guard: Guard) -> Iterator[Backend]:
    name = f"durable-{next(_numbers)}"
    env = {"DATABASE_URL": database.url, "BETTER_AUTH_SECRET": _SECRET, **NO_COVERAGE}
    with ExitStack() as exits:
        backend = Backend(name, log=folder / f"{name}.log", env=env)
        exits.callback(backend.stop)
        guard.watch(backend.pid)
        yield backend


def _headers() -> dict[str, str]:
    claims = user_claims(now=time.time(), sub="durable")
    return bearer(sign_token(secret_signer(_SECRET.encode()), claims))


def _write(writer: TodoWriter, backend: Backend, crash: Callable[[], None]) -> None:
    until = SystemRandom().randint(*ACKNOWLEDGED)
    writer.write(backend, _headers(), until=until, then=crash)


def _row(name: str, database: Database, writer: TodoWriter, figures: Figures) -> Row:
    _check(database, writer, figures)
    missing = COUNT - len(writer.acknowledged)
    if missing:
        figures.lost.append(f"{missing} todos were never acknowledged")
    figures.requests, figures.failed = writer.sent, writer.failed
    name = f"{name} {CRASHES} times amid {COUNT:,} writes"
    return Row(name=name, figures=figures, targets=_TARGETS)


def _check(database: Database, writer: TodoWriter, figures: Figures) -> None:
    """Compare the stored todos with the acknowledged todos."""
    rows = database.todos_and_keys()
    stored = {key: todo_id for todo_id, _, key in rows}
    figures.wrong += [f"todo {title!r} with key {key!r}" for _, title, key in rows if title != key]
    keys = Counter(key for _, _, key in rows)
    figures.wrong += [f"key {key} exists {n} times" for key, n in keys.items() if n > 1]
    figures.lost += [
        f"todo {key}" for key, todo_id in writer.acknowledged.items() if stored.get(key) != todo_id
    ]
