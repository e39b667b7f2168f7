"""Which rounds others slowed, unseen: a yardstick tells that every round measures as well.

Another virtual machine on the same core takes no part of the processors that this one could see,
and makes everything here take twice as long, for seconds or for hours.
"""

import statistics
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

SLOWED = 1.25  # times what the yardstick takes in the quietest tenth of all rounds


@dataclass(frozen=True, kw_only=True)
class Rounds(Generic[K]):
    """What some rounds measured.

    Attributes:
        samples: Of each contender, what it took in each round.
        yardstick: What the yardstick took in each round.
    """

    samples: Mapping[K, Sequence[float]]
    yardstick: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Sifted(Generic[K]):
    """The same, without the rounds that others slowed, and with them.

    Attributes:
        quiet: The samples of the rounds that count.
        every: Those of all rounds.
        left_out: How many rounds do not count.
    """

    quiet: Mapping[K, Sequence[float]]
    every: Mapping[K, Sequence[float]]
    left_out: int


def sift(parts: Sequence[Rounds[K]]) -> list[Sifted[K]]:
    """Tell the rounds of a whole run apart by what the yardstick took, whatever the others did.

    Args:
        parts: All that the run measured, one thing after the other: each may have been slowed from
            its first round to its last, which only the others show.
    """
    took = [one for part in parts for one in part.yardstick]
    limit = SLOWED * statistics.quantiles(took, n=10, method="inclusive")[0]
    return [_sift(part, limit) for part in parts]


def _sift(part: Rounds[K], limit: float) -> Sifted[K]:
    # Of less than two rounds there is no median's error; such a run decides nothing anyhow.
    limit = max(limit, sorted(part.yardstick)[1])
    counts = [one <= limit for one in part.yardstick]
    quiet = {
        name: [value for value, one in zip(values, counts, strict=True) if one]
        for name, values in part.samples.items()
    }
    return Sifted(quiet=quiet, every=part.samples, left_out=counts.count(False))
