"""What others slowed, unseen: a yardstick tells that is measured beside everything else.

Another virtual machine on the same core takes no part of the processors that this one could see,
and makes everything here take twice as long, for some milliseconds or for hours.
"""

import statistics
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

SLOWED = 1.25  # times what the yardstick takes in the quietest tenth of a run


@dataclass(frozen=True, kw_only=True)
class Group(Generic[K]):
    """What was measured in a row, once a round, beside a yardstick.

    Attributes:
        samples: Of each contender, what it took in each round.
        yardstick: What the yardstick took in each round.
    """

    samples: Mapping[K, Sequence[float]]
    yardstick: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Sifted(Generic[K]):
    """What some groups measured, without what others slowed, and with it.

    Attributes:
        quiet: Of each contender, what it took in the rounds that count, by their number.
        every: The same of all rounds.
        left_out: The part of the rounds of the groups that does not count.
    """

    quiet: Mapping[K, Mapping[int, float]]
    every: Mapping[K, Mapping[int, float]]
    left_out: float


def sift(parts: Sequence[Sequence[Group[K]]]) -> list[Sifted[K]]:
    """Tell apart what counts by what the yardstick took beside it, whatever the others took.

    Args:
        parts: All that a run measured, one thing after the other: each may have been slowed from
            its beginning to its end, which only the others show.
    """
    took = [one for part in parts for group in part for one in group.yardstick]
    limit = SLOWED * statistics.quantiles(took, n=10, method="inclusive")[0]
    return [_sift(part, limit) for part in parts]


def _sift(part: Sequence[Group[K]], limit: float) -> Sifted[K]:
    quiet: dict[K, dict[int, float]] = {}
    every: dict[K, dict[int, float]] = {}
    for group in part:
        least = sorted(group.yardstick)[1]  # of less than two there is no median's error
        for name, values in group.samples.items():
            every[name] = dict(enumerate(values))
            quiet[name] = {
                number: value
                for number, value in every[name].items()
                if group.yardstick[number] <= max(limit, least)
            }
    slowed = [one > limit for group in part for one in group.yardstick]
    return Sifted(quiet=quiet, every=every, left_out=slowed.count(True) / len(slowed))
