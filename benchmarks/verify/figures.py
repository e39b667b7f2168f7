"""Figures from samples: medians of rounds, differences to the floor, and targets."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.harness.noise import Filtered
from benchmarks.harness.report import Target, number
from benchmarks.verify.contenders import REFERENCE

# Turns per round of a contender that is compared with the floor: next to a signature check of
# 650 µs, a difference of 12 µs needs many samples.
REPEATS = 12

# The targets were set for a machine on which PyJWT decodes an HS256 token in 46 µs. The scale
# between the machines is the time of that decode here, in the same round.
REFERENCE_TIME = 46.0

Key = tuple[str, str, int]  # algorithm, contender, turn within a round
Samples = Mapping[Key, Mapping[int, float]]  # by round number


@dataclass(frozen=True, kw_only=True)
class Figure:
    """The time of a contender, or its difference to another contender.

    Attributes:
        algorithm: The algorithm of the tokens.
        name: The contender.
        above: The contender whose time is subtracted, if any.
    """

    algorithm: str
    name: str
    above: str | None = None

    def rounds(self, samples: Samples, *, scaled: bool = False) -> list[float]:
        """Return the figure of each round, the median of its turns.

        Args:
            samples: The samples of all contenders.
            scaled: Whether to return microseconds of the reference machine.
        """
        turns: dict[int, list[float]] = {}
        for repeat in range(REPEATS):
            times = samples.get((self.algorithm, self.name, repeat), {})
            for round_number, value in times.items():
                base = (
                    samples[self.algorithm, self.above, repeat][round_number] if self.above else 0.0
                )
                reference = samples[self.algorithm, REFERENCE, repeat][round_number]
                scale = REFERENCE_TIME / reference if scaled else 1.0
                turns.setdefault(round_number, []).append((value - base) * scale)
        return [statistics.median(values) for values in turns.values()]

    def target(self, samples: Filtered[Key], *, what: str, bound: float) -> Target:
        """Return a target that the quiet rounds decide, with the figure of all rounds."""
        return Target.of(
            self.rounds(samples.quiet, scaled=True),
            every=statistics.median(self.rounds(samples.every, scaled=True)),
            doubted=samples.left_out > 1 / 2,
            what=what,
            bound=bound,
            unit="reference µs",
        )


def times(samples: Samples, algorithm: str, name: str) -> list[float]:
    """Return all times of a contender; an empty list if it does not support the algorithm."""
    return [
        value
        for (key_algorithm, key_name, _), values in samples.items()
        if (key_algorithm, key_name) == (algorithm, name)
        for value in values.values()
    ]


def cell(samples: Samples, algorithm: str, name: str) -> str:
    """Return the median time of a contender as text."""
    values = times(samples, algorithm, name)
    return number(statistics.median(values)) if values else "n/a"
