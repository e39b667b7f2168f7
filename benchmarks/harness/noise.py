"""Leave out samples that other virtual machines on the same CPU slowed down.

This machine cannot see the CPU use of other virtual machines. They make everything take up to twice
as long, for some milliseconds or for hours. A reference operation, measured next to the contenders,
reveals such times.
"""

import statistics
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

SLOWDOWN_LIMIT = 1.25  # times the reference in the quietest tenth of a run


@dataclass(frozen=True, kw_only=True)
class Group(Generic[K]):
    """Samples of contenders that were measured in direct succession, once per round.

    Attributes:
        samples: The samples of each contender, a sample per round.
        reference: The samples of the reference operation, a sample per round.
    """

    samples: Mapping[K, Sequence[float]]
    reference: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Filtered(Generic[K]):
    """The samples of some groups, with and without the slowed samples.

    Attributes:
        quiet: The samples of each contender that count, by round number.
        every: All samples of each contender, by round number.
        left_out: The share of samples that do not count, from 0 to 1.
    """

    quiet: Mapping[K, Mapping[int, float]]
    every: Mapping[K, Mapping[int, float]]
    left_out: float


def filter_noise(parts: Sequence[Sequence[Group[K]]]) -> list[Filtered[K]]:
    """Leave out samples by the time of the reference next to them, not by their own value.

    Args:
        parts: All parts of a run in order. The limit applies to the whole run, because a part may
            have been slowed from beginning to end.
    """
    reference = [value for part in parts for group in part for value in group.reference]
    limit = SLOWDOWN_LIMIT * statistics.quantiles(reference, n=10, method="inclusive")[0]
    return [_filter_part(part, limit) for part in parts]


def _filter_part(part: Sequence[Group[K]], limit: float) -> Filtered[K]:
    quiet: dict[K, dict[int, float]] = {}
    every: dict[K, dict[int, float]] = {}
    for group in part:
        second_fastest = sorted(group.reference)[1]  # a standard error needs two samples
        for name, values in group.samples.items():
            every[name] = dict(enumerate(values))
            quiet[name] = {
                number: value
                for number, value in every[name].items()
                if group.reference[number] <= max(limit, second_fastest)
            }
    slowed = [value > limit for group in part for value in group.reference]
    return Filtered(quiet=quiet, every=every, left_out=slowed.count(True) / len(slowed))
