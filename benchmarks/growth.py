"""What grows with what: requests with workers, latency with load, lists with data."""

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
from benchmarks.harness.rounds import interleave, medians, ratio, ratios, wanted
from benchmarks.harness.servers import CORES, Server, uvicorn
from benchmarks.harness.tokens import ORIGIN, SECRET, tokens

ROUNDS = wanted()
SECONDS = 0.5
PACED_SECONDS = 2.0
USERS, EACH, TIMES = 50, 200, 10
APP = "backend.entrypoints.server.process:app_from_environment"


def measure() -> Result:
    result = Result(
        name="growth",
        title="Growth",
        about=(
            "`GET /api/me` with 1 000 tokens in rotation on one and two workers, its latency at a "
            "constant rate of requests (each measured from when it was due, so that a stall counts "
            "for all whom it keeps waiting), and the list of 20 todos in a database and in one "
            f"with {TIMES} times as many. Medians of {ROUNDS} interleaved rounds. A ratio is the "
            "median of those of each round, which need not be that of the medians beside it."
        ),
        chart_title="The list of 20 todos as data grows",
        chart_unit="requests per second on one core, more is better",
    )
    minted = tokens("HS256", 1_000)
    with contextlib.ExitStack() as stack:
        generator = stack.enter_context(Generator())
        _workers(result, generator, minted)
        _latency(result, generator, minted)
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


def _workers(result: Result, generator: Generator, minted: list[str]) -> None:
    requests = _me(minted)
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
        ["2", number(middle[2]), f"{ratio(rates[2], rates[1]):.2f}"],
    ]
    head = ["workers", "requests per second", "times"]
    note = f"On {len(CORES)} cores, one of which the load generator is on as well."
    result.tables.append(Table(title="Workers", head=head, rows=rows, note=note))


def _serve_workers(workers: int, stack: contextlib.ExitStack) -> Server:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    return uvicorn(APP, env=_env(f"sqlite:///{folder / 'todos.db'}"), workers=workers)


def _me(minted: list[str]) -> Iterator[bytes]:
    return itertools.cycle([get("/api/me", token) for token in minted])


def _latency(result: Result, generator: Generator, minted: list[str]) -> None:
    rows, requests = [], _me(minted)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(_serve_workers(1, stack))
        generator.saturate(server.port, requests, count=2_000, seconds=20)
        for part in (0.5, 0.9):
            found = []
            for _ in range(max(ROUNDS // 3, 1)):
                # Saturation is what it is now: another program may take a share of the core.
                rate = generator.saturate(server.port, requests, seconds=SECONDS).rate * part
                load = generator.pace(server.port, requests, rate=rate, seconds=PACED_SECONDS)
                cuts = statistics.quantiles(load.latencies, n=100)
                found.append((rate, cuts[49] * 1000, cuts[98] * 1000))
            columns = [number(statistics.median(column)) for column in zip(*found, strict=True)]
            rows.append([f"{part:.0%}", *columns])
    head = ["of saturation", "requests per second", "p50 ms", "p99 ms"]
    result.tables.append(Table(title="Latency", head=head, rows=rows))


def _data(result: Result, generator: Generator, stack: contextlib.ExitStack) -> None:
    minted = tokens("HS256", USERS)
    requests = itertools.cycle([get("/api/todos", token) for token in minted])
    postgres = stack.enter_context(postgres_server())
    servers = {}
    for times in (1, TIMES):
        _, url = postgres_database(postgres, users=USERS, each=EACH * times)
        servers["PostgreSQL", times] = stack.enter_context(uvicorn(APP, env=_env(url)))
        url = stack.enter_context(sqlite_database(users=USERS, each=EACH * times))
        servers["SQLite", times] = stack.enter_context(uvicorn(APP, env=_env(url)))
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
        kept = ratios(rates[database, TIMES], rates[database, 1])
        few, many = middle[database, 1], middle[database, TIMES]
        rows.append([database, number(few), number(many), f"{statistics.median(kept):.2f}"])
        what = f"{database}: list of 20 at {TIMES} times the data, requests per second kept"
        target = Target.of(kept, what=what, bound=0.9, unit="times", at_least=True)
        result.targets.append(target)
        result.bars += [
            Bar(
                label=f"{USERS * EACH * times:,} todos".replace(",", " "),
                group=database,
                value=round(middle[database, times]),
                ours=True,
            )
            for times in (1, TIMES)
        ]
    head = ["database", f"{EACH} todos a user /s", f"{EACH * TIMES} a user /s", "kept"]
    result.tables.append(Table(title="Data", head=head, rows=rows))
