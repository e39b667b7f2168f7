"""Lists and inserts over HTTP on both databases, beside the same routes written the usual way."""

import asyncio
import contextlib
import itertools
import statistics
from collections.abc import Callable, Iterator
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.harness.chart import Bar
from benchmarks.harness.databases import (
    grant,
    postgres_database,
    postgres_server,
    sqlite_database,
)
from benchmarks.harness.load import Generator, get, post
from benchmarks.harness.report import Result, Table, Target, number
from benchmarks.harness.rounds import interleave, medians, ratio, ratios, spread, wanted
from benchmarks.harness.servers import Server, uvicorn
from benchmarks.harness.tokens import ORIGIN, SECRET, tokens
from benchmarks.peers import storage_app

ROUNDS = wanted()
SECONDS = 0.5
USERS, EACH = 100, 200

LIST, INSERT, ONCE = "GET a list of 20", "POST", "POST with Idempotency-Key"
OURS, USUAL, OPEN = "this project", "SQLAlchemy ORM", "without row-level security"
BODY = b'{"title":"Water the plants","description":"Not the cactus.","priority":"high"}'

_COPY = """
INSERT INTO usual_todos
SELECT user_id, {id}, title, description, completed,
       CASE priority WHEN 0 THEN 'low' WHEN 1 THEN 'normal' ELSE 'high' END,
       due_at, {created_at}, {updated_at}
FROM todos
"""
_ALIKE = {"id": "id", "created_at": "created_at", "updated_at": "updated_at"}
_SQLITE = {  # as SQLAlchemy keeps them there
    "id": "lower(hex(id))",
    "created_at": "replace(substr(created_at, 1, 26), 'T', ' ')",
    "updated_at": "replace(substr(updated_at, 1, 26), 'T', ' ')",
}
_DISARM = "ALTER TABLE todos DISABLE ROW LEVEL SECURITY; ALTER TABLE idempotency_keys DISABLE \
ROW LEVEL SECURITY; ALTER DOMAIN acting_user DROP CONSTRAINT acting_user_check"

Key = tuple[str, str, str]  # database, what, how


def measure() -> Result:
    result = Result(
        name="storage",
        title="Storage over HTTP",
        about=(
            f"Requests per second of one worker on one core; {USERS} users with {EACH} todos each, "
            "16 connections. PostgreSQL 18 with fsync on, on the load generator's core, asked by a "
            "role that row-level security holds for; an SQLite file with `synchronous = FULL`. The "
            "usual way is SQLAlchemy's ORM on the same driver, an `AsyncSession` a request, in "
            "the same application behind the same authentication, with a table of its own that has "
            f"one index instead of four. Medians of {ROUNDS} interleaved rounds of {SECONDS} s, "
            "each beside half of the distance between their quartiles (*spread*). A ratio, or a "
            "cost, is the median of those of each round, which need not be that of the medians "
            "beside it."
        ),
        chart_title="Todos over HTTP",
        chart_unit="requests per second on one core, more is better",
    )
    with contextlib.ExitStack() as stack:
        generator = stack.enter_context(Generator())
        postgres = stack.enter_context(postgres_server())
        owner, url = postgres_database(postgres, users=USERS, each=EACH)
        asyncio.run(_add_usual_table(owner, _ALIKE))
        grant(postgres, owner)
        open_owner, open_url = postgres_database(postgres, users=USERS, each=EACH)
        postgres.execute(_DISARM, open_owner)
        file = stack.enter_context(sqlite_database(users=USERS, each=EACH))
        asyncio.run(_add_usual_table(file, _SQLITE))
        minted = tokens("HS256", USERS)
        slices: dict[Key, Callable[[], float]] = {}
        for database, address in (("PostgreSQL", url), ("SQLite", file)):
            server = stack.enter_context(_serve(address))
            for path, how in (("/api/todos", OURS), (storage_app.PATH, USUAL)):
                slices[database, LIST, how] = _list(generator, server, path, minted)
                slices[database, INSERT, how] = _insert(generator, server, path, minted)
            slices[database, ONCE, OURS] = _slice(generator, server, _once(minted), 201)
        server = stack.enter_context(_serve(open_url))
        slices["PostgreSQL", LIST, OPEN] = _list(generator, server, "/api/todos", minted)
        slices["PostgreSQL", INSERT, OPEN] = _insert(generator, server, "/api/todos", minted)
        for run in slices.values():
            run()
        rates = interleave(slices, rounds=ROUNDS)
    _report(result, rates)
    return result


async def _add_usual_table(url: str, columns: dict[str, str]) -> None:
    engine = create_async_engine(storage_app.async_url(url))
    async with engine.begin() as connection:
        await connection.run_sync(storage_app.Base.metadata.create_all)
        await connection.execute(text(_COPY.format(**columns)))
        await connection.execute(text("ANALYZE"))
    await engine.dispose()


def _serve(url: str) -> Server:
    env = {"DATABASE_URL": url, "LOG_LEVEL": "warning", "BETTER_AUTH_SECRET": SECRET}
    env |= {"AUTH_ISSUER": ORIGIN, "AUTH_AUDIENCE": ORIGIN}
    return uvicorn("benchmarks.peers.storage_app:create_app", env=env)


def _list(
    generator: Generator, server: Server, path: str, minted: list[str]
) -> Callable[[], float]:
    return _slice(generator, server, itertools.cycle([get(path, token) for token in minted]), 200)


def _insert(
    generator: Generator, server: Server, path: str, minted: list[str]
) -> Callable[[], float]:
    requests = itertools.cycle([post(path, BODY, token) for token in minted])
    return _slice(generator, server, requests, 201)


def _once(minted: list[str]) -> Iterator[bytes]:
    for token in itertools.cycle(minted):
        yield post("/api/todos", BODY, token, Idempotency_Key=uuid4().hex)


def _slice(
    generator: Generator, server: Server, requests: Iterator[bytes], status: int
) -> Callable[[], float]:
    return lambda: generator.saturate(server.port, requests, seconds=SECONDS, status=status).rate


def _report(result: Result, rates: dict[Key, list[float]]) -> None:
    rows, middle = [], medians(rates)
    for database in ("PostgreSQL", "SQLite"):
        for what in (LIST, INSERT):
            ours, usual = rates[database, what, OURS], rates[database, what, USUAL]
            times = ratios(ours, usual)
            row = [database, what, number(middle[database, what, OURS]), spread(ours)]
            row += [number(middle[database, what, USUAL]), spread(usual)]
            row.append(f"{statistics.median(times):.2f}")
            rows.append(row)
            result.targets.append(
                Target.of(
                    times,
                    what=f"{database}: {what}, of the ORM's requests per second",
                    bound=2.5,
                    unit="times",
                    at_least=True,
                )
            )
            result.bars += [
                Bar(
                    label=how,
                    value=middle[database, what, how],
                    group=f"{database}: {what}",
                    ours=how == OURS,
                )
                for how in (OURS, USUAL)
            ]
    head = ["database", "request", "this project /s", "spread", "ORM /s", "spread", "ratio"]
    result.tables.append(Table(title="Beside the usual way", head=head, rows=rows))
    rows = []
    for database, what, how, base in (
        ("PostgreSQL", LIST, OURS, OPEN),
        ("PostgreSQL", INSERT, OURS, OPEN),
    ):
        rows.append(_cost(f"row-level security, {what}", rates, (database, what), how, base))
    for database in ("PostgreSQL", "SQLite"):
        with_key, without = rates[database, ONCE, OURS], rates[database, INSERT, OURS]
        row = [f"idempotency record, {database}", number(middle[database, INSERT, OURS])]
        row += [number(middle[database, ONCE, OURS]), f"{1 - ratio(with_key, without):.1%}"]
        rows.append(row)
    head = ["feature", "without /s", "with /s", "cost"]
    result.tables.append(Table(title="What features cost", head=head, rows=rows))


def _cost(
    name: str, rates: dict[Key, list[float]], key: tuple[str, str], how: str, base: str
) -> list[str]:
    armed, bare = rates[*key, how], rates[*key, base]
    middle = medians({"armed": armed, "bare": bare})
    return [name, number(middle["bare"]), number(middle["armed"]), f"{1 - ratio(armed, bare):.1%}"]
