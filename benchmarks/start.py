"""Memory, and the time from nothing to the first answer."""

import contextlib
import itertools
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness.chart import Bar
from benchmarks.harness.load import Generator, get
from benchmarks.harness.report import Result, Table, Target, number
from benchmarks.harness.rounds import wanted
from benchmarks.harness.servers import CORES, Server
from benchmarks.harness.tokens import ORIGIN, SECRET, tokens
from tests.e2e.processes import ROOT, environment

ROUNDS = wanted()
REMEMBERED = 10_000
IMPORTED = "import backend.entrypoints.cli.main, backend.entrypoints.http.app"


def measure() -> Result:
    result = Result(
        name="start",
        title="Memory and start",
        about=(
            "`python -m backend serve` with a secret and an SQLite file that is migrated: the time "
            f"from the start of the process to the first 200 (median of {ROUNDS}), and what it "
            "holds resident then, and when it remembers 10 000 tokens."
        ),
        chart_title="Time to import, by package",
        chart_unit="ms of its own, less is better",
    )
    with _environment() as env:
        subprocess.run(
            [sys.executable, "-m", "backend", "migrate"],
            cwd=ROOT,
            env=environment(env),
            check=True,
            stdout=subprocess.DEVNULL,
        )
        seconds = [_time_to_first_answer(env) for _ in range(ROUNDS)]
        idle, full = _memory(env)
    start = statistics.median(seconds)
    result.targets += [
        Target.of(seconds, what="first 200", bound=1.5, unit="s"),
        Target(what="resident with 10 000 tokens", figure=full / 2**20, bound=100, unit="MiB"),
    ]
    rows = [
        ["first 200, median", f"{number(start)} s"],
        ["first 200, fastest", f"{number(min(seconds))} s"],
        ["resident, idle", f"{idle / 2**20:.0f} MiB"],
        ["resident, 10 000 tokens remembered", f"{full / 2**20:.0f} MiB"],
        ["a remembered token", f"{(full - idle) / REMEMBERED:.0f} bytes"],
    ]
    result.tables.append(Table(title="Start", head=["", "measured"], rows=rows))
    imports = _imports()
    total = sum(imports.values())
    top = sorted(imports.items(), key=lambda pair: -pair[1])[:12]
    result.tables.append(
        Table(
            title="Imports",
            head=["package", "ms of its own", "part"],
            rows=[[name, number(value), f"{value / total:.0%}"] for name, value in top],
            note=f"{number(total)} ms altogether, under `-X importtime`, which slows imports down.",
        )
    )
    result.bars += [
        Bar(label=name, value=round(value, 1), ours=name == "backend") for name, value in top
    ]
    return result


@contextlib.contextmanager
def _environment() -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        yield {
            "DATABASE_URL": f"sqlite:///{Path(folder) / 'todos.db'}",
            "BETTER_AUTH_SECRET": SECRET,
            "AUTH_ISSUER": ORIGIN,
            "AUTH_AUDIENCE": ORIGIN,
            "LOG_LEVEL": "warning",
        }


def _serve(env: dict[str, str]) -> Server:
    return Server([sys.executable, "-m", "backend", "serve"], env=env, cores=CORES)


def _time_to_first_answer(env: dict[str, str]) -> float:
    started = time.perf_counter()
    server = _serve(env)
    try:
        while not _is_live(server.port):
            if time.perf_counter() - started > 60:
                raise TimeoutError("the server does not answer")
            time.sleep(0.002)
        return time.perf_counter() - started
    finally:
        server.stop()


def _is_live(port: int) -> bool:
    with socket.socket() as connection:
        if connection.connect_ex(("127.0.0.1", port)):
            return False
        connection.settimeout(10)
        connection.sendall(get("/health/live"))
        return connection.recv(4096).startswith(b"HTTP/1.1 200")


def _memory(env: dict[str, str]) -> tuple[int, int]:
    requests = itertools.cycle([get("/api/me", token) for token in tokens("HS256", REMEMBERED)])
    with _serve(env) as server, Generator() as generator:
        generator.saturate(server.port, itertools.repeat(get("/health/live")), count=10, seconds=10)
        idle = server.memory
        for _ in range(2):  # once to remember them, once to find them all
            generator.saturate(server.port, requests, count=REMEMBERED, seconds=60)
        return idle, server.memory


def _imports() -> dict[str, float]:
    """Return the milliseconds that each package's own modules take to import."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", IMPORTED],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    taken: dict[str, float] = defaultdict(float)
    for line in done.stderr.splitlines():
        cells = line.removeprefix("import time:").split("|")
        if len(cells) == 3 and cells[0].strip().isdigit():
            package = cells[2].strip().partition(".")[0]
            known = package in sys.stdlib_module_names
            taken["the standard library" if known else package] += int(cells[0]) / 1000
    return taken
