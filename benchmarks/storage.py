"""Lists and inserts over HTTP on both databases, compared with the SQLAlchemy ORM."""

import asyncio
import contextlib
import itertools
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from benchmarks.harness.rounds import interleave, median_ratio, medians, ratios, round_count, spread
from benchmarks.harness.servers import Server, uvicorn
from benchmarks.harness.tokens import ORIGIN, SECRET, make_tokens, user_claims
from benchmarks.peers import asyncpg_apps, storage_app

ROUNDS = round_count()
SECONDS = 0.5
USERS, TODOS_PER_USER = 100, 200

LIST, INSERT, INSERT_ONCE = "GET a list of 20", "POST", "POST with Idempotency-Key"
OURS, ORM, NO_RLS = "this project", "SQLAlchemy ORM", "without row-level security"
FASTAPI, STARLETTE = "open FastAPI route on asyncpg", "open Starlette route on asyncpg"
BODY = b'{"title":"Water the plants","description":"Not the cactus.","priority":"high"}'

_COPY_TODOS = """
INSERT INTO orm_todos
SELECT user_id, {id}, title, description, completed,
       CASE priority WHEN 0 THEN 'low' WHEN 1 THEN 'normal' ELSE 'high' END,
       due_at, {created_at}, {updated_at}
FROM todos
"""
_POSTGRES = {"id": "id", "created_at": "created_at", "updated_at": "updated_at"}
_SQLITE = {  # in the formats of SQLAlchemy
    "id": "lower(hex(id))",
    "created_at": "replace(substr(created_at, 1, 26), 'T', ' ')",
    "updated_at": "replace(substr(updated_at, 1, 26), 'T', ' ')",
}
_DISABLE_RLS = "ALTER TABLE todos DISABLE ROW LEVEL SECURITY; ALTER TABLE idempotency_keys DISABLE \
ROW LEVEL SECURITY; ALTER DOMAIN acting_user DROP CONSTRAINT acting_user_check"

Key = tuple[str, str, str]  # database, request, implementation
Rates = Mapping[Key, Sequence[float]]

ABOUT = f"""
Requests per second of one worker on one CPU core; {USERS} users with {TODOS_PER_USER} todos each,
16 connections.

- PostgreSQL 18 runs with fsync on, on the core of the load generator. The role of the server is
  subject to row-level security.
- The SQLite file has `synchronous = FULL`.
- *ORM* is SQLAlchemy's ORM on the same driver, with one `AsyncSession` per request. Its routes are
  in the same application and have the same authentication. Its table has one index instead of four.

- *{FASTAPI}* has a response model with the same fields, declared parameters and asyncpg's own
  pool of the same size. It has no authentication, no filters and no signed cursors, and its
  database has no row-level security. *{STARLETTE}* is the same with one `json.dumps`.

Figures are medians of {ROUNDS} interleaved rounds of {SECONDS} s. *Spread* is half of the
interquartile range. A ratio, or a cost, is the median of the ratios of the rounds. It may differ
from the ratio of the medians in the table.
""".strip()


def measure() -> Result:
    result = Result(
        name="storage",
        title="Storage over HTTP",
        about=ABOUT,
        chart_title="Todos over HTTP",
        chart_unit="requests per second on one core, more is better",
    )
    with contextlib.ExitStack() as stack:
        generator = stack.enter_context(Generator())
        postgres = stack.enter_context(postgres_server())
        owner, url = postgres_database(postgres, users=USERS, each=TODOS_PER_USER)
        asyncio.run(_add_orm_table(owner, _POSTGRES))
        grant(postgres, owner)
        no_rls_owner, no_rls_url = postgres_database(postgres, users=USERS, each=TODOS_PER_USER)
        postgres.execute(_DISABLE_RLS, no_rls_owner)
        file = stack.enter_context(sqlite_database(users=USERS, each=TODOS_PER_USER))
        asyncio.run(_add_orm_table(file, _SQLITE))
        tokens = make_tokens("HS256", USERS)
        slices: dict[Key, Callable[[], float]] = {}
        for database, database_url in (("PostgreSQL", url), ("SQLite", file)):
            server = stack.enter_context(_serve(database_url))
            for path, implementation in (("/api/todos", OURS), (storage_app.PATH, ORM)):
                slices[database, LIST, implementation] = _list(generator, server, path, tokens)
                slices[database, INSERT, implementation] = _insert(generator, server, path, tokens)
            slices[database, INSERT_ONCE, OURS] = _slice(
                generator, server, _insert_once_requests(tokens), 201
            )
        server = stack.enter_context(_serve(no_rls_url))
        slices["PostgreSQL", LIST, NO_RLS] = _list(generator, server, "/api/todos", tokens)
        slices["PostgreSQL", INSERT, NO_RLS] = _insert(generator, server, "/api/todos", tokens)
        for implementation, factory in ((FASTAPI, "fastapi_app"), (STARLETTE, "starlette_app")):
            server = stack.enter_context(_serve_peer(factory, no_rls_url))
            slices["PostgreSQL", LIST, implementation] = _open_list(generator, server)
        for run in slices.values():
            run()
        rates = interleave(slices, rounds=ROUNDS)
    _report(result, rates)
    return result


async def _add_orm_table(url: str, columns: dict[str, str]) -> None:
    engine = create_async_engine(storage_app.async_url(url))
    async with engine.begin() as connection:
        await connection.run_sync(storage_app.Base.metadata.create_all)
        await connection.execute(text(_COPY_TODOS.format(**columns)))
        await connection.execute(text("ANALYZE"))
    await engine.dispose()


def _serve(url: str) -> Server:
    env = {"DATABASE_URL": url, "LOG_LEVEL": "warning", "BETTER_AUTH_SECRET": SECRET}
    env |= {"AUTH_ISSUER": ORIGIN, "AUTH_AUDIENCE": ORIGIN}
    return uvicorn("benchmarks.peers.storage_app:create_app", env=env)


def _serve_peer(factory: str, url: str) -> Server:
    return uvicorn(f"benchmarks.peers.asyncpg_apps:{factory}", env={"DATABASE_URL": url})


def _open_list(generator: Generator, server: Server) -> Callable[[], float]:
    users = [user_claims(number)["sub"] for number in range(USERS)]
    requests = [get(f"{asyncpg_apps.PATH}?user_id={user}") for user in users]
    return _slice(generator, server, itertools.cycle(requests), 200)


def _list(
    generator: Generator, server: Server, path: str, tokens: list[str]
) -> Callable[[], float]:
    return _slice(generator, server, itertools.cycle([get(path, token) for token in tokens]), 200)


def _insert(
    generator: Generator, server: Server, path: str, tokens: list[str]
) -> Callable[[], float]:
    requests = itertools.cycle([post(path, BODY, token) for token in tokens])
    return _slice(generator, server, requests, 201)


def _insert_once_requests(tokens: list[str]) -> Iterator[bytes]:
    for token in itertools.cycle(tokens):
        yield post("/api/todos", BODY, token, Idempotency_Key=uuid4().hex)


def _slice(
    generator: Generator, server: Server, requests: Iterator[bytes], status: int
) -> Callable[[], float]:
    return lambda: generator.saturate(server.port, requests, seconds=SECONDS, status=status).rate


def _report(result: Result, rates: Rates) -> None:
    middle = medians(rates)
    for database, request in itertools.product(("PostgreSQL", "SQLite"), (LIST, INSERT)):
        result.targets.append(
            Target.of(
                ratios(rates[database, request, OURS], rates[database, request, ORM]),
                what=f"{database}: {request}, requests per second compared with the ORM",
                bound=2.5,
                unit="times",
                at_least=True,
            )
        )
        result.bars += [
            Bar(
                label=implementation,
                value=middle[database, request, implementation],
                group=f"{database}: {request}",
                highlighted=implementation == OURS,
            )
            for implementation in (OURS, ORM)
        ]
    ours = rates["PostgreSQL", LIST, OURS]
    result.targets.append(
        Target.of(
            ratios(ours, rates["PostgreSQL", LIST, FASTAPI]),
            what=f"PostgreSQL: {LIST}, requests per second compared with an {FASTAPI}",
            bound=0.9,
            unit="times",
            at_least=True,
        )
    )
    result.tables += [_comparison(rates), _open_routes(rates), _feature_costs(rates)]


def _comparison(rates: Rates) -> Table:
    rows = []
    for database, request in itertools.product(("PostgreSQL", "SQLite"), (LIST, INSERT)):
        ours, orm = rates[database, request, OURS], rates[database, request, ORM]
        row = [database, request]
        for values in (ours, orm):
            row += [number(statistics.median(values)), spread(values)]
        rows.append([*row, f"{median_ratio(ours, orm):.2f}"])
    header = ["database", "request", "this project /s", "spread", "ORM /s", "spread", "ratio"]
    return Table(title="Compared with the ORM", header=header, rows=rows)


def _open_routes(rates: Rates) -> Table:
    ours = rates["PostgreSQL", LIST, OURS]
    rows = []
    for implementation in (OURS, FASTAPI, STARLETTE):
        values = rates["PostgreSQL", LIST, implementation]
        rate = number(statistics.median(values))
        rows.append([implementation, rate, spread(values), f"{median_ratio(ours, values):.2f}"])
    header = ["implementation", "requests /s", "spread", "this project compared with it"]
    return Table(title=f"{LIST}, compared with open routes on asyncpg", header=header, rows=rows)


def _feature_costs(rates: Rates) -> Table:
    features = {
        f"row-level security, {request}": (
            rates["PostgreSQL", request, NO_RLS],
            rates["PostgreSQL", request, OURS],
        )
        for request in (LIST, INSERT)
    }
    for database in ("PostgreSQL", "SQLite"):
        features[f"idempotency record, {database}"] = (
            rates[database, INSERT, OURS],
            rates[database, INSERT_ONCE, OURS],
        )
    rows = [
        [
            name,
            number(statistics.median(without)),
            number(statistics.median(with_feature)),
            f"{1 - median_ratio(with_feature, without):.1%}",
        ]
        for name, (without, with_feature) in features.items()
    ]
    header = ["feature", "without /s", "with /s", "cost"]
    return Table(title="What features cost", header=header, rows=rows)
