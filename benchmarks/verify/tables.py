"""The tables, targets and bars of the result page."""

import statistics
from collections.abc import Sequence

from benchmarks.harness.chart import Bar
from benchmarks.harness.noise import Filtered
from benchmarks.harness.report import Result, Table, number
from benchmarks.peers.verifiers import PEERS
from benchmarks.verify.contenders import (
    ALGORITHMS,
    ALTERNATING,
    ASYMMETRIC,
    CACHE_OFF,
    CACHE_ON,
    CACHED_ALGORITHMS,
    CACHED_TOKENS,
    FLOOR,
    REFERENCE,
    cached_name,
)
from benchmarks.verify.figures import Figure, Key, cell, times


def add_fresh(result: Result, samples: Filtered[Key]) -> None:
    names = [FLOOR, CACHE_OFF, CACHE_ON, *PEERS]
    rows = [[name, *(cell(samples.quiet, a, name) for a in ALGORITHMS)] for name in names]
    for name in (CACHE_OFF, CACHE_ON):
        rows += _add_targets_above_floor(result, samples, name, what="fresh", bound=12)
    result.tables.append(_table("Fresh", ALGORITHMS, rows, samples))
    result.bars += [
        Bar(
            label=name,
            value=statistics.median(values),
            group=algorithm,
            highlighted=name in (CACHE_OFF, CACHE_ON),
        )
        for algorithm in ("HS256", "RS256", "EdDSA")
        for name in names
        if (values := times(samples.quiet, algorithm, name))
    ]


def add_cached(result: Result, samples: Filtered[Key]) -> None:
    names = [cached_name(count) for count in CACHED_TOKENS]
    rows = [[name, *(cell(samples.quiet, a, name) for a in CACHED_ALGORITHMS)] for name in names]
    result.tables.append(_table("Cached", CACHED_ALGORITHMS, rows, samples))
    for name, bound in zip(names, (1.0, 1.5), strict=True):
        medians = {a: statistics.median(times(samples.quiet, a, name)) for a in CACHED_ALGORITHMS}
        slowest = max(medians, key=medians.__getitem__)
        what = f"cached, among {name} (slowest: {slowest})"
        figure = Figure(algorithm=slowest, name=name)
        result.targets.append(figure.target(samples, what=what, bound=bound))


def add_invalid(result: Result, samples: Filtered[Key], *, size: str) -> None:
    names = (FLOOR, CACHE_ON)
    what = f"invalid signature, {size}"
    rows = [[name, *(cell(samples.quiet, a, name) for a in ALGORITHMS)] for name in names]
    rows += _add_targets_above_floor(result, samples, CACHE_ON, what=what, bound=8)
    title = f"Invalid signature, {size}"
    result.tables.append(_table(title, ALGORITHMS, rows, samples))


def add_alternating(result: Result, samples: Filtered[Key]) -> None:
    rows = [[name, *(cell(samples.quiet, a, name) for a in ASYMMETRIC)] for name in ALTERNATING]
    note = (
        "Each operation evicts the other from the CPU caches. The figures above the floor include "
        "this cost. Here every call is timed separately, which adds some tenths of a microsecond."
    )
    result.tables.append(_table("Alternating operations", ASYMMETRIC, rows, samples, note=note))


def _add_targets_above_floor(
    result: Result, samples: Filtered[Key], name: str, *, what: str, bound: float
) -> list[list[str]]:
    """Add a target for each algorithm, and return the rows with the times above the floor."""
    short_name = name.removeprefix("this project, ")
    figures = {a: Figure(algorithm=a, name=name, above=FLOOR) for a in ALGORITHMS}
    targets = [
        figure.target(samples, what=f"{what}, {a}, {short_name}: above the floor", bound=bound)
        for a, figure in figures.items()
    ]
    result.targets += targets
    medians = [statistics.median(figure.rounds(samples.quiet)) for figure in figures.values()]
    return [
        [f"**{name}: above the floor**", *(f"**{number(value)}**" for value in medians)],
        [
            "the same in reference µs (decides the target)",
            *(number(target.figure) for target in targets),
        ],
        [
            "the same in reference µs, all rounds",
            *(number(target.every or 0) for target in targets),
        ],
    ]


def _table(
    title: str,
    algorithms: Sequence[str],
    rows: Sequence[Sequence[str]],
    samples: Filtered[Key],
    *,
    note: str = "",
) -> Table:
    """Return a table with the times of the reference and the share of left-out samples."""
    reference = [REFERENCE, *(cell(samples.quiet, a, REFERENCE) for a in algorithms)]
    left_out = (
        f"Other virtual machines slowed {samples.left_out:.0%} of the samples. They are left out, "
        "but at least two samples of each kind are kept."
    )
    return Table(
        title=title,
        header=["µs", *algorithms],
        rows=[*rows, reference],
        note=f"{left_out} {note}".rstrip(),
    )
