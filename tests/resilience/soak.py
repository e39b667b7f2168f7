"""A long steady load: memory, descriptors and connections end where they began."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import psutil  # type: ignore[import-untyped]  # has no type stubs

from tests.resilience.databases import DurableServer
from tests.resilience.load import Load
from tests.resilience.stack import Stack

INTERVAL: Final = 2.0  # seconds between two samples
WARM_UP: Final = 0.3  # the share of the time after which the comparison begins
COMPARED: Final = 0.1  # the share of the time whose samples are compared: their median
BURST: Final = 16  # requests of each user at the same time, which open every pooled connection

# The growth that is accepted.
MEMORY_TOLERANCE: Final = 0.05  # of the memory at the beginning
DESCRIPTORS_TOLERANCE: Final = 4
CONNECTIONS_TOLERANCE: Final = 4
SESSIONS_TOLERANCE: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A figure at the beginning and at the end of a soak.

    Attributes:
        process: The process that the figure describes.
        name: The name of the figure.
        start: The figure after the warm-up.
        end: The figure at the end.
        tolerance: The growth that is accepted.
    """

    process: str
    name: str
    start: float
    end: float
    tolerance: float

    @property
    def is_stable(self) -> bool:
        """Whether the figure has grown by no more than the tolerance."""
        return self.end - self.start <= self.tolerance


async def soak(stack: Stack, server: DurableServer, load: Load, *, seconds: float) -> list[Change]:
    """Keep the load up, and compare the end with the time after the warm-up.

    Raises:
        RuntimeError: A worker did not live until the end.
    """
    workers = [worker for replica in stack.replicas for worker in replica.server.workers()]
    names = [
        f"replica {number}, worker {worker}"
        for number, replica in enumerate(stack.replicas, start=1)
        for worker in range(1, len(replica.server.workers()) + 1)
    ]
    await load.burst(BURST)
    await asyncio.sleep(seconds * (WARM_UP - COMPARED))
    start = await _sample(workers, server, seconds=seconds * COMPARED)
    await asyncio.sleep(seconds * (1 - WARM_UP - COMPARED))
    end = await _sample(workers, server, seconds=seconds * COMPARED)
    changes = []
    for index, name in enumerate(names):
        for figure, tolerance in (
            ("memory, MB", start[index]["memory, MB"] * MEMORY_TOLERANCE),
            ("descriptors", DESCRIPTORS_TOLERANCE),
            ("connections", CONNECTIONS_TOLERANCE),
        ):
            changes.append(
                Change(
                    process=name,
                    name=figure,
                    start=start[index][figure],
                    end=end[index][figure],
                    tolerance=tolerance,
                )
            )
    changes.append(
        Change(
            process="PostgreSQL",
            name="sessions",
            start=start[-1]["sessions"],
            end=end[-1]["sessions"],
            tolerance=SESSIONS_TOLERANCE,
        )
    )
    return changes


async def _sample(
    workers: Sequence[psutil.Process], server: DurableServer, *, seconds: float
) -> list[dict[str, float]]:
    """Return the median of each figure, of every worker and then of the database."""
    samples: list[list[dict[str, float]]] = []
    until = time.monotonic() + seconds
    while not samples or time.monotonic() < until:
        samples.append(await asyncio.to_thread(_figures, workers, server))
        await asyncio.sleep(INTERVAL)
    return [
        {name: statistics.median(sample[name] for sample in group) for name in group[0]}
        for group in zip(*samples, strict=True)
    ]


def _figures(workers: Sequence[psutil.Process], server: DurableServer) -> list[dict[str, float]]:
    try:
        figures = [
            {
                "memory, MB": worker.memory_info().rss / 1e6,
                "descriptors": float(worker.num_fds()),
                "connections": float(len(worker.net_connections(kind="tcp"))),
            }
            for worker in workers
        ]
    except psutil.NoSuchProcess as error:
        raise RuntimeError(f"a worker has ended: {error}") from error
    return [*figures, {"sessions": float(server.sessions())}]
