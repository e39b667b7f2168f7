"""Rounds: measure all contenders in turn, several times, so that a busy period affects all."""

import os
import random
import statistics
import sys
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
Samples = Mapping[K, Sequence[float]]

REQUIRED_ROUNDS = 9  # with fewer rounds, no target is decided


def round_count() -> int:
    """Return the value of `BENCH_ROUNDS`, or the number of rounds that decides the targets."""
    text = os.environ.get("BENCH_ROUNDS", str(REQUIRED_ROUNDS))
    if not text.isdecimal() or int(text) < 2:
        sys.exit(f"BENCH_ROUNDS: {text!r} is not a number from 2 up; use {REQUIRED_ROUNDS}.")
    return int(text)


def interleave(*groups: Mapping[K, Callable[[], float]], rounds: int) -> dict[K, list[float]]:
    """Measure every contender once per round, in a new order each round.

    Args:
        groups: The contenders by name. The contenders of a group are measured in direct succession,
            so group contenders that are compared.
        rounds: The number of rounds.
    """
    samples: dict[K, list[float]] = {name: [] for group in groups for name in group}
    for number in range(rounds):
        for group in shuffled(groups, number):
            for name in shuffled(list(group), number):
                samples[name].append(group[name]())
    return samples


def shuffled(names: Sequence[T], number: int) -> list[T]:
    """Return the order of a round, so that no contender always follows the same contender."""
    return random.Random(number).sample(names, len(names))


def medians(samples: Samples[K]) -> dict[K, float]:
    return {name: statistics.median(values) for name, values in samples.items()}


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """Return the ratio of each round."""
    return [a / b for a, b in zip(numerators, denominators, strict=True)]


def median_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """Return the median of the ratios of all rounds."""
    return statistics.median(ratios(numerators, denominators))


def spread(values: Sequence[float]) -> str:
    """Return half of the interquartile range, as a percentage of the median."""
    low, middle, high = statistics.quantiles(values, n=4)
    return f"± {(high - low) / 2 / middle:.0%}" if middle else ""
