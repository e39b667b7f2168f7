"""Resident memory, and the time from the start of the process to the first response."""

import contextlib
import itertools
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.harness.chart import Bar
from benchmarks.harness.load import Generator, get
from benchmarks.harness.report import Result, Table, Target, number
from benchmarks.harness.rounds import round_count
from benchmarks.harness.servers import CORES, Server, uvicorn
from benchmarks.harness.tokens import ORIGIN, SECRET, make_tokens
from tests.e2e.processes import ROOT, environment

ROUNDS = round_count()
CACHED_TOKENS = 10_000
IMPORTS = "import backend.entrypoints.cli.main, backend.entrypoints.cli.serving"
# Packages of the test tools. Other packages import them if they are installed.
TOOLS = ("bcrypt", "email_validator", "python_multipart", "werkzeug", "yaml")
HELP = (["--help"], ["serve", "--help"], ["token", "--help"])

# Prints the seconds that the authentication part takes to import when FastAPI is imported already.
IMPORT = """
import time
import fastapi
start = time.perf_counter()
import backend.entrypoints.http
print(time.perf_counter() - start)
"""

ABOUT = f"""
`python -m backend serve` with a secret and a migrated SQLite file: the time from the start of the
process to the first 200 (median of {ROUNDS} rounds), and the resident memory of the process, idle
and with 10 000 cached tokens. All modules are compiled, as after a first start, or by pip. Packages
of the test tools that a production install lacks cannot be imported: {", ".join(TOOLS)}. *Bare
FastAPI* is uvicorn with one open route. `--help`: the time of the whole process. For other FastAPI
apps: the time of `import backend.entrypoints.http` after `import fastapi`.
""".strip()


def measure() -> Result:
    result = Result(
        name="start",
        title="Memory and start",
        about=ABOUT,
        chart_title="Time to import, by package",
        chart_unit="ms without nested imports, less is better",
    )
    with _environment() as env:
        subprocess.run(
            [sys.executable, "-m", "backend", "migrate"],
            cwd=ROOT,
            env=environment(env),
            check=True,
            stdout=subprocess.DEVNULL,
        )
        rounds = [_start_both(env) for _ in range(ROUNDS + 1)][1:]  # the first start compiles
        seconds, bare_seconds = map(list, zip(*rounds, strict=True))
        idle, full = _memory(env)
    imported = _seconds_to_import()
    helped = {" ".join(arguments): _seconds_for_help(arguments) for arguments in HELP}
    start = statistics.median(seconds)
    result.targets += [
        Target.of(seconds, what="first 200", bound=0.6, unit="s"),
        Target(
            what="resident memory with 10 000 cached tokens",
            figure=full / 2**20,
            bound=100,
            unit="MiB",
        ),
        *(
            Target.of(times, what=f"`python -m backend {arguments}`", bound=0.35, unit="s")
            for arguments, times in helped.items()
        ),
        Target.of(imported, what="import of authentication beyond FastAPI", bound=0.15, unit="s"),
    ]
    rows = [
        ["first 200, median", f"{number(start)} s"],
        ["first 200, fastest", f"{number(min(seconds))} s"],
        ["first 200 of bare FastAPI, median", f"{number(statistics.median(bare_seconds))} s"],
        [
            "import of authentication beyond FastAPI, median",
            f"{number(statistics.median(imported))} s",
        ],
        *(
            [f"`{arguments}`, median", f"{number(statistics.median(times))} s"]
            for arguments, times in helped.items()
        ),
        ["resident memory, idle", f"{idle / 2**20:.0f} MiB"],
        ["resident memory, 10 000 cached tokens", f"{full / 2**20:.0f} MiB"],
        ["memory per cached token", f"{(full - idle) / CACHED_TOKENS:.0f} bytes"],
    ]
    result.tables.append(Table(title="Start", header=["figure", "measured"], rows=rows))
    imports = _import_times()
    total = sum(imports.values())
    top = sorted(imports.items(), key=lambda pair: -pair[1])[:12]
    result.tables.append(
        Table(
            title="Imports",
            header=["package", "ms without nested imports", "share"],
            rows=[[name, number(value), f"{value / total:.0%}"] for name, value in top],
            note=f"{number(total)} ms in total with `-X importtime`, which slows imports down.",
        )
    )
    result.bars += [
        Bar(label=name, value=round(value, 1), highlighted=name == "backend") for name, value in top
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
            **_production(folder),
        }


def _production(folder: str) -> dict[str, str]:
    """Return variables: Python keeps compiled modules in a folder, and does not find `TOOLS`."""
    return {
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": f"{folder}/compiled",
        "PYTHONPATH": _hide_tools(Path(folder) / "hidden"),
    }


def _hide_tools(folder: Path) -> str:
    """Write modules that cannot be imported in place of `TOOLS`, and return their folder."""
    folder.mkdir()
    for name in TOOLS:
        (folder / f"{name}.py").write_text("raise ModuleNotFoundError\n")
    return str(folder)


def _serve(env: dict[str, str]) -> Server:
    return Server([sys.executable, "-m", "backend", "serve"], env=env, cores=CORES)


def _start_both(env: dict[str, str]) -> tuple[float, float]:
    """Return the seconds to the first 200 of this project, and of a bare FastAPI app."""
    ours = _time_to_first_response(lambda: _serve(env), "/health/live")
    factory = "benchmarks.peers.bare_app:create_app"
    return ours, _time_to_first_response(lambda: uvicorn(factory, env=env, cores=CORES), "/open")


def _time_to_first_response(serve: Callable[[], Server], path: str) -> float:
    started = time.perf_counter()
    server = serve()
    try:
        while not _is_live(server.port, path):
            if time.perf_counter() - started > 60:
                raise TimeoutError("the server does not respond")
            time.sleep(0.002)
        return time.perf_counter() - started
    finally:
        server.stop()


def _is_live(port: int, path: str) -> bool:
    with socket.socket() as connection:
        if connection.connect_ex(("127.0.0.1", port)):
            return False
        connection.settimeout(10)
        connection.sendall(get(path))
        return connection.recv(4096).startswith(b"HTTP/1.1 200")


def _memory(env: dict[str, str]) -> tuple[int, int]:
    requests = itertools.cycle(
        [get("/api/me", token) for token in make_tokens("HS256", CACHED_TOKENS)]
    )
    with _serve(env) as server, Generator() as generator:
        generator.saturate(server.port, itertools.repeat(get("/health/live")), count=10, seconds=10)
        idle = server.memory
        for _ in range(2):  # fill the cache, then read all entries
            generator.saturate(server.port, requests, count=CACHED_TOKENS, seconds=60)
        return idle, server.memory


def _seconds_to_import() -> list[float]:
    """Return the times to import the authentication part; the first import compiles it."""
    with tempfile.TemporaryDirectory() as folder:
        production = {**os.environ, **_production(folder)}
        command = [sys.executable, "-c", IMPORT]
        return [
            float(subprocess.check_output(command, cwd=ROOT, env=production, text=True))
            for _ in range(ROUNDS + 1)
        ][1:]


def _seconds_for_help(arguments: list[str]) -> list[float]:
    """Return the times of a process that prints a help text; the first process compiles."""
    times = []
    with tempfile.TemporaryDirectory() as folder:
        production = {**os.environ, **_production(folder)}
        for _ in range(ROUNDS + 1):
            started = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "backend", *arguments],
                cwd=ROOT,
                env=production,
                check=True,
                stdout=subprocess.DEVNULL,
            )
            times.append(time.perf_counter() - started)
    return times[1:]


def _import_times() -> dict[str, float]:
    """Return the import time of the modules of each package in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        production = {**os.environ, **_production(folder)}
        for _ in range(2):  # the first import compiles
            process = subprocess.run(
                [sys.executable, "-X", "importtime", "-c", IMPORTS],
                cwd=ROOT,
                env=production,
                check=True,
                capture_output=True,
                text=True,
            )
    times: dict[str, float] = defaultdict(float)
    for line in process.stderr.splitlines():
        cells = line.removeprefix("import time:").split("|")
        if len(cells) == 3 and cells[0].strip().isdigit():
            package = cells[2].strip().partition(".")[0]
            if package in sys.stdlib_module_names:
                package = "the standard library"
            times[package] += int(cells[0]) / 1000
    return times
