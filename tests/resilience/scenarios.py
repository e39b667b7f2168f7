"""What is done to a stack under load, and what its clients may see of it.

A scenario disturbs the stack and returns the time of the event from which the recovery counts. The
recovery ends when the last request that failed was sent.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from tests.postgres import PostgresServer
from tests.resilience.load import Load
from tests.resilience.proxy import HEALTH_INTERVAL
from tests.resilience.stack import Stack
from tests.resilience.standby import Standby
from tests.resilience.users import Figures

STEADY: Final = 2.0  # seconds of load before the disturbance
QUIET: Final = 3.0  # seconds without a failed request, after which the stack has recovered
OUTAGE: Final = 3.0  # seconds that the database is away
RECOVERY_MAX: Final = 30.0  # seconds to wait for the recovery

Disturbance = Callable[[], Awaitable[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The result of a scenario.

    Attributes:
        name: The name of the scenario.
        figures: What the clients have seen.
        recovery: Seconds from the event to the last request that failed; None without an event.
        failed_max: The most requests that may fail; None for any number.
        recovery_max: The longest recovery, in seconds; None for any duration.
    """

    name: str
    figures: Figures
    recovery: float | None = None
    failed_max: int | None = None
    recovery_max: float | None = None

    @property
    def misses(self) -> list[str]:
        """The targets that were missed."""
        figures = self.figures
        misses = [f"wrong: {wrong}" for wrong in figures.wrong[:5]]
        misses += [f"lost: {lost}" for lost in figures.lost[:5]]
        if self.failed_max is not None and figures.failed > self.failed_max:
            misses.append(f"{figures.failed} requests failed, more than {self.failed_max}")
        late = self.recovery_max is not None and (self.recovery or 0.0) > self.recovery_max
        if late:
            misses.append(f"recovered after {self.recovery:.1f} s, not {self.recovery_max:g} s")
        return misses


async def run(
    name: str,
    load: Load,
    disturb: Disturbance,
    *,
    failed_max: int | None = None,
    recovery_max: float | None = None,
) -> Row:
    """Run a scenario under load, and read everything back when the stack has recovered."""
    figures = load.start()
    await asyncio.sleep(STEADY)
    event = await disturb()
    deadline = time.monotonic() + RECOVERY_MAX
    quiet_at = time.monotonic()
    while time.monotonic() < deadline:
        if time.monotonic() - max(figures.failed_at, quiet_at) >= QUIET:
            break
        await asyncio.sleep(0.1)
    await load.stop()
    recovery = max(0.0, figures.failed_at - event)
    return Row(
        name=name,
        figures=figures,
        recovery=recovery,
        failed_max=failed_max,
        recovery_max=recovery_max,
    )


def rolling_restart(stack: Stack) -> Disturbance:
    """Replace one replica after the other, as an orchestrator does."""

    async def disturb() -> float:
        for replica in stack.replicas:
            await asyncio.to_thread(replica.server.stop)
            await asyncio.to_thread(replica.start)
            await asyncio.sleep(2 * HEALTH_INTERVAL)  # the proxy has seen that it is ready
        return time.monotonic()

    return disturb


def kill_worker(stack: Stack) -> Disturbance:
    """Kill a worker. Its parent starts another."""

    async def disturb() -> float:
        event = time.monotonic()
        stack.replicas[0].kill_worker()
        await asyncio.to_thread(stack.replicas[0].wait_until_ready)
        return event

    return disturb


def kill_parent(stack: Stack) -> Disturbance:
    """Kill the parent of the workers. The workers end, and an orchestrator starts the replica."""

    async def disturb() -> float:
        event = time.monotonic()
        stack.replicas[1].server.kill()
        await asyncio.to_thread(stack.replicas[1].start)
        return event

    return disturb


def kill_replica(stack: Stack) -> Disturbance:
    """Kill all processes of a replica at once. An orchestrator starts it again later."""

    async def disturb() -> float:
        event = time.monotonic()
        stack.replicas[-1].kill()
        await asyncio.sleep(1)
        await asyncio.to_thread(stack.replicas[-1].start)
        return event

    return disturb


def outage(
    server: PostgresServer, *, kill: bool, then: Callable[[], None] | None = None
) -> Disturbance:
    """Stop or kill PostgreSQL, and start it again after some seconds.

    Args:
        server: The server.
        kill: Whether to kill it instead of stopping it.
        then: Called while the server is down.
    """

    async def disturb() -> float:
        await asyncio.to_thread(server.kill if kill else server.stop)
        await asyncio.sleep(OUTAGE / 2)
        if then is not None:
            then()
        await asyncio.sleep(OUTAGE / 2)
        await asyncio.to_thread(server.start, durable=True)
        return time.monotonic()

    return disturb


def read_only(server: PostgresServer) -> Disturbance:
    """Make the database read-only for every session, and writable again."""

    async def disturb() -> float:
        await asyncio.to_thread(_set_read_only, server, value="on")
        await asyncio.sleep(OUTAGE)
        await asyncio.to_thread(_set_read_only, server, value="off")
        return time.monotonic()

    return disturb


def _set_read_only(server: PostgresServer, *, value: str) -> None:
    server.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
    server.execute("SELECT pg_reload_conf()")


def issuer_gone(stack: Stack, load: Load, *, seconds: float) -> Disturbance:
    """End the issuer. Known tokens are accepted, and new tokens that known keys have signed."""

    async def disturb() -> float:
        event = time.monotonic()
        await asyncio.to_thread(stack.issuer.close)
        await asyncio.sleep(seconds / 2)
        load.renew_tokens()
        await asyncio.sleep(seconds / 2)
        return event

    return disturb


def failover(primary: PostgresServer, standby: Standby) -> Disturbance:
    """Kill the primary, and promote the standby."""

    async def disturb() -> float:
        await asyncio.to_thread(primary.kill)
        await asyncio.sleep(1)  # until somebody has noticed
        await asyncio.to_thread(standby.promote)
        return time.monotonic()

    return disturb
