"""Runs every scenario, prints a table, and writes it to a page."""

import asyncio
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tests.e2e.databases import Database
from tests.postgres import PostgresServer
from tests.resilience import report, scenarios
from tests.resilience.guard import Guard
from tests.resilience.scenarios import Row
from tests.resilience.stack import Stack
from tests.resilience.standby import Standby

USERS: Final = 8
RATE: Final = float(os.environ.get("RESILIENCE_RATE", "100"))  # requests per second
MAX_AGE: Final = 2  # seconds after which keys are fetched again, so that an outage is noticed


def main() -> None:
    """Run everything; end with the status 1 if a target is missed."""
    names = sys.argv[1:] or list(PARTS)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="resilience-") as folder, Guard() as guard:
        for name in names:
            for row in asyncio.run(PARTS[name](Path(folder), guard)):
                rows.append(row)
    report.write(rows)
    if any(row.misses for row in rows):
        raise SystemExit(1)


async def replicas(folder: Path, guard: Guard) -> list[Row]:
    """Processes that are restarted and killed, outages of PostgreSQL and of the issuer."""
    rows = []
    with ExitStack() as exits:
        server = exits.enter_context(durable_server(guard))
        database = await asyncio.to_thread(Database.create_postgres, server)
        stack = exits.enter_context(
            Stack(folder / "replicas", database.url, guard, AUTH_JWKS_MAX_AGE=str(MAX_AGE))
        )
        async with stack.load(users=USERS, rate=RATE) as load:
            for name, disturbance, limits in (
                ("rolling restart", scenarios.rolling_restart(stack), {"failed_max": 0}),
                ("worker killed", scenarios.kill_worker(stack), {}),
                ("parent of workers killed", scenarios.kill_parent(stack), {}),
                ("replica killed", scenarios.kill_replica(stack), {}),
                ("PostgreSQL stopped", scenarios.outage(server, kill=False), {"recovery_max": 1.0}),
                ("PostgreSQL killed", scenarios.outage(server, kill=True), {"recovery_max": 1.0}),
                (
                    "PostgreSQL stopped, and a worker killed meanwhile",
                    scenarios.outage(server, kill=False, then=stack.replicas[0].kill_worker),
                    {"recovery_max": 1.0},
                ),
                ("PostgreSQL read-only", scenarios.read_only(server), {"recovery_max": 1.0}),
                (
                    "issuer gone",
                    scenarios.issuer_gone(stack, load, seconds=3 * MAX_AGE),
                    {"failed_max": 0},
                ),
            ):
                row = await scenarios.run(name, load, disturbance, **limits)
                report.show(row)
                rows.append(row)
    return rows


async def failover(folder: Path, guard: Guard) -> list[Row]:
    """A primary that is killed, and a synchronous standby that is promoted."""
    with ExitStack() as exits:
        primary = exits.enter_context(durable_server(guard))
        database = await asyncio.to_thread(Database.create_postgres, primary)
        standby = exits.enter_context(Standby(primary))
        watch(guard, standby)
        url = database.url.replace(primary.address, f"{primary.address},{standby.address}")
        stack = exits.enter_context(
            Stack(folder / "failover", f"{url}?target_session_attrs=read-write", guard)
        )
        async with stack.load(users=USERS, rate=RATE) as load:
            row = await scenarios.run(
                "primary killed, standby promoted",
                load,
                scenarios.failover(primary, standby),
                recovery_max=5.0,
            )
            report.show(row)
    return [row]


def durable_server(guard: Guard) -> PostgresServer:
    return PostgresServer()


def watch(guard: Guard, server: PostgresServer) -> None:
    assert server.pid is not None
    guard.watch(server.pid)


PARTS: Final[dict[str, Callable[[Path, Guard], Awaitable[list[Row]]]]] = {
    "replicas": replicas,
    "failover": failover,
}
