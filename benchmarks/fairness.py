"""The cost of a user's searches for another user: the latency of a list beside the searches."""

import asyncio
import contextlib
import itertools
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from backend.adapters.persistence.schema.upgrades import upgrade
from backend.adapters.persistence.sqlite.database import SqliteDatabase
from benchmarks.harness.chart import Bar
from benchmarks.harness.databases import grant, postgres_database, postgres_server
from benchmarks.harness.load import get
from benchmarks.harness.report import Result, Table, Target, number
from benchmarks.harness.rounds import round_count
from benchmarks.harness.servers import CORES, Server
from benchmarks.harness.tokens import ORIGIN, SECRET, make_tokens, user_claims

ROUNDS = round_count()
SECONDS = 3.0
INTERVAL = 0.01
SEARCHES = 30
BOUND = 100.0
SEARCHER, READER = 0, 1
# Databases compare almost a whole pattern at every position of the text that is stored.
NOTHING = ("b" + "a" * 199, "a" * 199 + "b")
ATTACKS = {
    "no searches": (),
    f"{SEARCHES} searches that find nothing": [f"/api/todos?q={q}" for q in NOTHING],
    f"{SEARCHES} searches that find everything": ["/api/todos?q=a&limit=100"],
}

_POSTGRES = """
INSERT INTO todos (user_id, id, title, description, completed, priority, created_at, updated_at,
                   version, search_text)
SELECT '{user}', gen_random_uuid(), 'a', repeat('a', {length}), false, 1, now(), now(), 1,
       'a' || chr(10) || repeat('a', {length})
FROM generate_series(1, {count})
"""
_SQLITE = """
WITH RECURSIVE numbers (number) AS (
    SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {count}
)
INSERT INTO todos (user_id, id, title, description, completed, priority, created_at, updated_at,
                   version, search_text)
SELECT '{user}', randomblob(16), 'a', :text, false, 1, '2026-07-01T00:00:00.000000+00:00',
       '2026-07-01T00:00:00.000000+00:00', 1, 'a' || char(10) || :text
FROM numbers
"""
COUNT, LENGTH = 10_000, 10_000

ABOUT = f"""
One user has {COUNT} todos of {LENGTH} characters and keeps {SEARCHES} searches running. Another
user lists 20 todos every {INTERVAL * 1000:.0f} ms. One worker, PostgreSQL and the clients share
{len(CORES)} cores.

Figures are the latency of the lists: medians of {ROUNDS} rounds of {SECONDS:.0f} s. The column 503
counts the lists that were refused in all rounds.
""".strip()


@dataclass
class Found:
    """The responses that both users got.

    Attributes:
        latencies: The latencies of the reader's lists, in seconds.
        lists: How many of the reader's lists had each status.
        searches: How many searches had each status.
    """

    latencies: list[float] = field(default_factory=list)
    lists: Counter[int] = field(default_factory=Counter)
    searches: Counter[int] = field(default_factory=Counter)

    def percentile(self, percent: int) -> float:
        return statistics.quantiles(self.latencies, n=100)[percent - 1] * 1000


def measure() -> Result:
    result = Result(
        name="fairness",
        title="Fairness",
        about=ABOUT,
        chart_title="The list of one user beside the searches of another",
        chart_unit="ms at p99, less is better",
    )
    rows = []
    with contextlib.ExitStack() as stack:
        postgres = stack.enter_context(postgres_server())
        owner, url = postgres_database(postgres, users=2, each=200)
        user = user_claims(SEARCHER)["sub"]
        postgres.execute(_POSTGRES.format(user=user, count=COUNT, length=LENGTH), owner)
        postgres.execute("VACUUM ANALYZE todos", owner)
        grant(postgres, owner)
        file = stack.enter_context(_sqlite(user))
        for database, address in (("PostgreSQL", url), ("SQLite", file)):
            with _serve(address) as server:
                for what, paths in ATTACKS.items():
                    rows.append(_row(result, server, database, what, paths))
    header = ["database", "beside", "p50 ms", "p99 ms", "longest ms", "lists", "503", "searches"]
    result.tables.append(Table(title="Latency of a list", header=header, rows=rows))
    return result


def _row(
    result: Result, server: Server, database: str, what: str, paths: Sequence[str]
) -> list[str]:
    rounds = [_round(server.port, paths) for _ in range(ROUNDS)]
    middle, late = ([found.percentile(percent) for found in rounds] for percent in (50, 99))
    lists = sum((found.lists for found in rounds), Counter[int]())
    searches = sum((found.searches for found in rounds), Counter[int]())
    if paths:
        name = f"{database}: list beside {what}, p99"
        result.targets.append(Target.of(late, what=name, bound=BOUND, unit="ms"))
        refused = float(lists.total() - lists[200])
        name = f"{database}: lists refused beside {what}"
        result.targets.append(Target(what=name, figure=refused, bound=0.0))
    value = round(statistics.median(late), 1)
    result.bars.append(Bar(label=what, value=value, group=database, highlighted=bool(paths)))
    return [
        database,
        what,
        number(statistics.median(middle)),
        number(statistics.median(late)),
        number(max(max(found.latencies) for found in rounds) * 1000),
        number(lists.total()),
        str(lists[503]),
        ", ".join(f"{count} x {status}" for status, count in sorted(searches.items())),
    ]


@contextlib.contextmanager
def _sqlite(user: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "todos.db"
        url = f"sqlite:///{path}"
        asyncio.run(upgrade(SqliteDatabase(url)))
        with contextlib.closing(sqlite3.connect(path)) as connection:
            statement = _SQLITE.format(user=user, count=COUNT)
            connection.execute(statement, {"text": "a" * LENGTH})
            statement = _SQLITE.format(user=user_claims(READER)["sub"], count=200)
            connection.execute(statement, {"text": "Water the plants"})
            connection.commit()
            connection.execute("ANALYZE")
        yield url


def _serve(url: str) -> Server:
    env = {"DATABASE_URL": url, "LOG_LEVEL": "error", "BETTER_AUTH_SECRET": SECRET}
    env |= {"AUTH_ISSUER": ORIGIN, "AUTH_AUDIENCE": ORIGIN}
    return Server(
        [sys.executable, "-m", "backend", "serve", "--port", "{port}"], env=env, cores=CORES
    )


def _round(port: int, paths: Sequence[str]) -> Found:
    """Search in a child process, so that reading the answers delays no list in this process."""
    searcher, reader = make_tokens("HS256", 2)
    requests = [get(path, searcher) for path in paths]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        attack = pool.submit(_attack, port, requests) if paths else None
        time.sleep(2.0 if paths else 0.0)  # until that process has started
        found = asyncio.run(_lists(port, get("/api/todos", reader)))
        if attack:
            found.searches = attack.result()
    time.sleep(1.5 if paths else 0.0)  # until the searches have ended
    return found


async def _lists(port: int, request: bytes) -> Found:
    found, client = Found(), await _Client.connect(port)
    end = time.perf_counter() + SECONDS
    while (start := time.perf_counter()) < end:
        found.lists[await client.send(request)] += 1
        found.latencies.append(time.perf_counter() - start)
        await asyncio.sleep(max(0.0, start + INTERVAL - time.perf_counter()))
    client.close()
    return found


def _attack(port: int, requests: Sequence[bytes]) -> Counter[int]:
    """Search for a little longer than the lists are measured; count the answers by status."""
    return asyncio.run(_search_all(port, requests))


async def _search_all(port: int, requests: Sequence[bytes]) -> Counter[int]:
    found = Counter[int]()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SECONDS + 2.5):
            await asyncio.gather(*(_search(port, requests, found) for _ in range(SEARCHES)))
    return found


async def _search(port: int, requests: Sequence[bytes], found: Counter[int]) -> None:
    client = await _Client.connect(port)
    try:
        for request in itertools.cycle(requests):
            found[await client.send(request)] += 1
    finally:
        client.close()


class _Client:
    """A connection that reads every answer to its end, with any status."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def connect(cls, port: int) -> "_Client":
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 22))

    async def send(self, request: bytes) -> int:
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        place = head.lower().index(b"content-length:") + 15
        await self._reader.readexactly(int(head[place : head.index(b"\r", place)]))
        return int(head[9:12])

    def close(self) -> None:
        self._writer.close()
