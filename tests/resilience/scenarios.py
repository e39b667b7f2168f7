"""Disturbances of a stack under load.

A scenario returns the time of the event from which the recovery counts: the loss of a process, or
the return of the database.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from tests.postgres import PostgresServer
from tests.resilience.databases import DurableServer, Standby
from tests.resilience.load import Load
from tests.resilience.replicas import Replica
from tests.resilience.stack import Stack

PROBED_AFTER: Final = 1.0  # seconds in which the proxy asks every replica whether it is ready
RESTART_AFTER: Final = 1.0  # seconds after which an orchestrator starts a lost replica again
PROMOTE_AFTER: Final = 1.0  # seconds after which an operator promotes the standby

Scenario = Callable[[], Awaitable[float]]


def rolling_restart(replicas: Sequence[Replica]) -> Scenario:
    """Replace the replicas in turn, as an orchestrator does."""

    async def disturb() -> float:
        for replica in replicas:
            await asyncio.to_thread(replica.server.stop)
            await asyncio.to_thread(replica.start)
            await asyncio.sleep(PROBED_AFTER)
        return time.monotonic()

    return disturb


def kill_worker(stack: Stack) -> Scenario:
    """Kill a worker. Its parent starts another."""

    async def disturb() -> float:
        event = time.monotonic()
        await asyncio.to_thread(stack.replicas[0].kill_worker)
        await asyncio.to_thread(stack.replicas[0].wait_until_ready)
        return event

    return disturb


def kill_parent(stack: Stack) -> Scenario:
    """Kill the parent of the workers. The workers end, and the replica is started again."""

    async def disturb() -> float:
        event = time.monotonic()
        await asyncio.to_thread(stack.replicas[-1].server.kill)
        await asyncio.sleep(RESTART_AFTER)
        await asyncio.to_thread(stack.replicas[-1].start)
        return event

    return disturb


def kill_replica(stack: Stack) -> Scenario:
    """Kill all processes of a replica at once. The replica is started again."""

    async def disturb() -> float:
        event = time.monotonic()
        await asyncio.to_thread(stack.replicas[0].kill)
        await asyncio.sleep(RESTART_AFTER)
        await asyncio.to_thread(stack.replicas[0].start)
        return event

    return disturb


def stop_database(server: DurableServer, *, seconds: float) -> Scenario:
    """Stop PostgreSQL as an operator does, and start it again."""
    return _outage(server, server.stop, seconds=seconds)


def kill_database(server: DurableServer, *, seconds: float) -> Scenario:
    """Kill all processes of PostgreSQL at once, and start it again."""
    return _outage(server, server.kill, seconds=seconds)


def kill_worker_in_outage(stack: Stack, server: DurableServer, *, seconds: float) -> Scenario:
    """Stop PostgreSQL, kill a worker, and start PostgreSQL again. The new worker starts without."""

    def lose_both() -> None:
        server.stop()
        stack.replicas[0].kill_worker()

    return _outage(server, lose_both, seconds=seconds)


def make_read_only(server: PostgresServer, *, seconds: float) -> Scenario:
    """Make every session read-only, and writable again."""

    def set_read_only(value: str) -> None:
        server.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        server.execute("SELECT pg_reload_conf()")

    async def disturb() -> float:
        await asyncio.to_thread(set_read_only, "on")
        await asyncio.sleep(seconds)
        await asyncio.to_thread(set_read_only, "off")
        return time.monotonic()

    return disturb


def end_issuer(stack: Stack, load: Load, *, seconds: float) -> Scenario:
    """End the issuer. Known tokens are accepted, and new tokens that known keys have signed."""

    async def disturb() -> float:
        event = time.monotonic()
        await asyncio.to_thread(stack.issuer.close)
        await asyncio.sleep(seconds / 2)
        load.renew_tokens()
        await asyncio.sleep(seconds / 2)
        return event

    return disturb


def kill_primary(primary: DurableServer, standby: Standby) -> Scenario:
    """Kill the primary, and promote the standby."""
    return _failover(primary.kill, standby)


def freeze_primary(primary: DurableServer, standby: Standby) -> Scenario:
    """Let the primary fall silent, like a machine without power, and promote the standby."""
    return _failover(primary.freeze, standby)


def _outage(server: DurableServer, begin: Callable[[], None], *, seconds: float) -> Scenario:
    async def disturb() -> float:
        await asyncio.to_thread(begin)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(server.start)
        return time.monotonic()

    return disturb


def _failover(lose: Callable[[], None], standby: Standby) -> Scenario:
    async def disturb() -> float:
        await asyncio.to_thread(lose)
        await asyncio.sleep(PROMOTE_AFTER)
        await asyncio.to_thread(standby.promote)
        return time.monotonic()

    return disturb
