"""The short form of `make resilience`: two replicas behind Caddy, and two PostgreSQL servers."""

import asyncio
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.databases import Database
from tests.resilience import scenarios
from tests.resilience.databases import DurableServer, Standby
from tests.resilience.guard import Guard
from tests.resilience.measurement import Row, Targets, measure
from tests.resilience.stack import Stack

pytestmark = pytest.mark.timeout(180)  # many processes

RECOVERY_MAX = 15.0  # seconds, on a machine that is busy with other tests


async def run(stack: Stack, primary: DurableServer, standby: Standby) -> list[Row]:
    none_fails, recovers = Targets(failed=0), Targets(recovery=RECOVERY_MAX)
    async with stack.load(users=8, rate=40) as load:
        return [
            await measure(name, load, scenario, targets, steady=0.5, quiet=0.6)
            for name, scenario, targets in (
                ("restart", scenarios.rolling_restart(stack.replicas[:1]), none_fails),
                ("worker killed", scenarios.kill_worker(stack), recovers),
                ("failover", scenarios.kill_primary(primary, standby), recovers),
            )
        ]


def test_no_acknowledged_write_is_lost_and_a_restart_fails_no_request(tmp_path: Path) -> None:
    with ExitStack() as exits:
        guard = exits.enter_context(Guard())
        primary = exits.enter_context(DurableServer(guard))
        url = Database.create_postgres(primary).url
        standby = exits.enter_context(Standby(primary))
        url = url.replace(primary.address, f"{primary.address},{standby.address}")
        stack = exits.enter_context(Stack(tmp_path / "stack", url, guard, replicas=2))
        rows = asyncio.run(run(stack, primary, standby))
    assert [(row.name, row.misses) for row in rows] == [(row.name, []) for row in rows]
    assert all(row.figures.requests > 20 for row in rows)
    assert rows[-1].figures.failed  # the load did notice that the primary was away
