"""How throughput and latency change with more workers, more load and more data."""

import contextlib
import itertools
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness.chart import Bar
from benchmarks.harness.databases import postgres_database, postgres_server, sqlite_database
from benchmarks.harness.load import Generator, get
from benchmarks.harness.report import Result, Table, Target, number
from benchmarks.harness.rounds import interleave, median_ratio, medians, ratios, round_count
from benchmarks.harness.servers import CORES, Server, uvicorn
from benchmarks.harness.tokens import ORIGIN, SECRET, make_tokens

ROUNDS = round_count()
SECONDS = 0.5
PACED_SECONDS = 2.0
USERS, TODOS_PER_USER, FACTOR = 50, 200, 10
APP = "backend.entrypoints.server.process:app_from_environment"

ABOUT = f"""
- *Workers*: `GET /api/me` with 1 000 tokens in rotation, on one and on two workers.
- *Latency*: the same route at a constant rate of requests. The latency starts at the scheduled
  time of a request, so a stall counts for every request that waits for it.
- *Data*: the list of 20 todos in a database, and in a database with {FACTOR} times as many todos.

Figures are medians of {ROUNDS} interleaved rounds. A ratio is the median of the ratios of the
rounds. It may differ from the ratio of the medians in the table.
""".strip()


def measure() -> Result:
    result = Result(
        name="growth",
        title="Growth",
        about=ABOUT,
        chart_title="The list of 20 todos with more data",
        chart_unit="requests per second on one core, more is better",
    )
    tokens = make_tokens("HS256", 1_000)
    with contextlib.ExitStack() as stack:
        generator = stack.enter_context(Generator())
        _workers(result, generator, tokens)
        _latency(result, generator, tokens)
        _data(result, generator, stack)
    return result


def _env(url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": url,
        "BETTER_AUTH_SECRET": SECRET,
        "AUTH_ISSUER": ORIGIN,
        "AUTH_AUDIENCE": ORIGIN,
        "LOG_LEVEL": "warning",
    }


def _workers(result: Result, generator: Generator, tokens: list[str]) -> None:
    requests = _me(tokens)
    with contextlib.ExitStack() as stack:
        servers = {n: stack.enter_context(_serve_workers(n, stack)) for n in (1, 2)}
        for server in servers.values():
            generator.saturate(server.port, requests, count=4_000, seconds=20)
        rates = interleave(
            {
                n: lambda server=server: (
                    generator.saturate(server.port, requests, seconds=SECONDS).rate
                )
                for n, server in servers.items()
            },
            rounds=ROUNDS,
        )
    middle = medians(rates)
    rows = [
        ["1", number(middle[1]), "1"],
        ["2", number(middle[2]), f"{median_ratio(rates[2], rates[1]):.2f}"],
    ]
    header = ["workers", "requests per second", "ratio"]
    note = f"On {len(CORES)} cores. The load generator shares one of them."
    result.tables.append(Table(title="Workers", header=header, rows=rows, note=note))


def _serve_workers(workers: int, stack: contextlib.ExitStack) -> Server:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    return uvicorn(APP, env=_env(f"sqlite:///{folder / 'todos.db'}"), workers=workers)


def _me(tokens: list[str]) -> Iterator[bytes]:
    return itertools.cycle([get("/api/me", token) for token in tokens])


def _latency(result: Result, generator: Generator, tokens: list[str]) -> None:
    rows, requests = [], _me(tokens)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(_serve_workers(1, stack))
        generator.saturate(server.port, requests, count=2_000, seconds=20)
        for share in (0.5, 0.9):
            samples = []
            for _ in range(max(ROUNDS // 3, 1)):
                # Measure the saturation each time, because other programs may use the core too.
                rate = generator.saturate(server.port, requests, seconds=SECONDS).rate * share
                load = generator.pace(server.port, requests, rate=rate, seconds=PACED_SECONDS)
                cuts = statistics.quantiles(load.latencies, n=100)
                samples.append((rate, cuts[49] * 1000, cuts[98] * 1000))
            columns = [number(statistics.median(column)) for column in zip(*samples, strict=True)]
            rows.append([f"{share:.0%}", *columns])
    header = ["share of saturation", "requests per second", "p50 ms", "p99 ms"]
    result.tables.append(Table(title="Latency", header=header, rows=rows))


def _data(result: Result, generator: Generator, stack: contextlib.ExitStack) -> None:
    tokens = make_tokens("HS256", USERS)
    requests = itertools.cycle([get("/api/todos", token) for token in tokens])
    postgres = stack.enter_context(postgres_server())
    servers = {}
    for factor in (1, FACTOR):
        _, url = postgres_database(postgres, users=USERS, each=TODOS_PER_USER * factor)
        servers["PostgreSQL", factor] = stack.enter_context(uvicorn(APP, env=_env(url)))
        url = stack.enter_context(sqlite_database(users=USERS, each=TODOS_PER_USER * factor))
        servers["SQLite", factor] = stack.enter_context(uvicorn(APP, env=_env(url)))
    for server in servers.values():
        generator.saturate(server.port, requests, count=500, seconds=20)
    rates = interleave(
        {
            key: lambda server=server: (
                generator.saturate(server.port, requests, seconds=SECONDS).rate
            )
            for key, server in servers.items()
        },
        rounds=ROUNDS,
    )
    middle, rows = medians(rates), []
    for database in ("PostgreSQL", "SQLite"):
        kept = ratios(rates[database, FACTOR], rates[database, 1])
        small, large = middle[database, 1], middle[database, FACTOR]
        rows.append([database, number(small), number(large), f"{statistics.median(kept):.2f}"])
        what = f"{database}: list of 20, requests per second kept with {FACTOR} times the data"
        target = Target.of(kept, what=what, bound=0.9, unit="times", at_least=True)
        result.targets.append(target)
        result.bars += [
            Bar(
                label=f"{USERS * TODOS_PER_USER * factor:,} todos".replace(",", " "),
                group=database,
                value=round(middle[database, factor]),
                highlighted=True,
            )
            for factor in (1, FACTOR)
        ]
    header = [
        "database",
        f"{TODOS_PER_USER} todos per user /s",
        f"{TODOS_PER_USER * FACTOR} per user /s",
        "kept",
    ]
    result.tables.append(Table(title="Data", header=header, rows=rows))
