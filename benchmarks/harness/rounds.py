"""Rounds: every contender in turn, again and again, so that a busy moment strikes all alike."""

import os
import random
import statistics
import sys
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
Samples = Mapping[K, Sequence[float]]


ENOUGH = 9


def wanted() -> int:
    """Return how many rounds to measure: enough, unless `BENCH_ROUNDS` says otherwise."""
    said = os.environ.get("BENCH_ROUNDS", str(ENOUGH))
    if not said.isdecimal() or int(said) < 2:
        sys.exit(f"BENCH_ROUNDS: {said!r} is no number of rounds from 2 up. {ENOUGH} are enough.")
    return int(said)


def interleave(*groups: Mapping[K, Callable[[], float]], rounds: int) -> dict[K, list[float]]:
    """Measure each contender once a round: those of a group in a row, each round in another order.

    Args:
        groups: Contenders by name. Those that are compared belong in one group, so that they are
            measured close by.
        rounds: How many.
    """
    samples: dict[K, list[float]] = {name: [] for group in groups for name in group}
    for number in range(rounds):
        for group in shuffled(groups, number):
            for name in shuffled(list(group), number):
                samples[name].append(group[name]())
    return samples


def shuffled(names: Sequence[T], number: int) -> list[T]:
    """Return the order of one round, in which nobody always follows the same one."""
    return random.Random(number).sample(names, len(names))


def medians(samples: Samples[K]) -> dict[K, float]:
    return {name: statistics.median(values) for name, values in samples.items()}


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Return how many times as much one is as the other in each round."""
    return [a / b for a, b in zip(above, below, strict=True)]


def ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """Return the median of how many times as much one is as the other in the same round."""
    return statistics.median(ratios(above, below))


def spread(values: Sequence[float]) -> str:
    """Say how far the middle half of the rounds is apart."""
    low, middle, high = statistics.quantiles(values, n=4)
    return f"± {(high - low) / 2 / middle:.0%}" if middle else ""
