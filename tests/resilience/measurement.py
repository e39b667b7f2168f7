"""Runs a scenario under load, and measures its effect on the clients."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from tests.resilience.load import Load
from tests.resilience.scenarios import Scenario
from tests.resilience.users import Figures

RECOVERY_TIMEOUT: Final = 60.0  # seconds to wait for a recovery


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """The most that a scenario may cost. No change may be lost, and no answer may be wrong.

    Attributes:
        failed: The most requests that may fail; None for any number.
        recovery: The longest recovery in seconds; None for any duration.
    """

    failed: int | None = None
    recovery: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The result of a scenario.

    Attributes:
        name: The name of the scenario.
        figures: The figures of the clients.
        targets: The most that the scenario may cost.
        recovery: Seconds from the event until the last request failed; None if there was no event.
    """

    name: str
    figures: Figures
    targets: Targets
    recovery: float | None = None

    @property
    def misses(self) -> list[str]:
        """The targets that were missed."""
        figures, targets = self.figures, self.targets
        misses = [f"wrong: {wrong}" for wrong in figures.wrong]
        misses += [f"lost: {lost}" for lost in figures.lost]
        if not figures.requests:
            misses.append("there were no requests")
        if targets.failed is not None and figures.failed > targets.failed:
            misses.append(f"{figures.failed} requests failed instead of {targets.failed}")
        if targets.recovery is not None and (self.recovery or 0.0) > targets.recovery:
            misses.append(f"recovered after {self.recovery:.1f} s, not {targets.recovery:g} s")
        return misses


async def measure(
    name: str,
    load: Load,
    scenario: Scenario,
    targets: Targets,
    *,
    steady: float = 2.0,
    quiet: float = 3.0,
) -> Row:
    """Run a scenario under load. Read everything back when the stack has recovered.

    Args:
        name: The name of the scenario.
        load: The load.
        scenario: The disturbance.
        targets: The most that the scenario may cost.
        steady: Seconds of load before the scenario.
        quiet: Seconds without a failed request, after which the stack has recovered.
    """
    figures = load.start()
    await asyncio.sleep(steady)
    event = await scenario()
    ended = time.monotonic()
    while time.monotonic() - ended < RECOVERY_TIMEOUT:
        await asyncio.sleep(0.1)
        if time.monotonic() - max(figures.failed_at, ended) >= quiet:
            break
    await load.stop()
    recovery = max(0.0, figures.failed_at - event)
    return Row(name=name, figures=figures, targets=targets, recovery=recovery)
