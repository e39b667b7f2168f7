"""The tables of `make resilience`: on the terminal, and on a page."""

import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.e2e.processes import ROOT
from tests.resilience.measurement import Row, Targets
from tests.resilience.soak import Change

PAGE: Final = Path("benchmarks/results/resilience.md")

_HEADER: Final = (
    *("scenario", "requests", "failed", "lost", "wrong"),
    *("recovered after, s", "slowest answer, s", "target"),
)
_MISSES_MAX: Final = 5  # of a row that are printed


def show(row: Row) -> None:
    """Print a row, why requests failed, and which targets were missed."""
    print(" | ".join(_cells(row)), flush=True)
    for reason, count in row.figures.reasons.most_common():
        print(f"    {count} times {reason}")
    for miss in row.misses[:_MISSES_MAX]:
        print(f"    MISSED: {miss}", flush=True)


def show_change(change: Change) -> None:
    """Print a figure of the soak."""
    print(" | ".join(_change_cells(change)), flush=True)


def write(parts: Sequence[str]) -> None:
    """Write the page."""
    (ROOT / PAGE).write_text("\n\n".join(parts) + "\n")


def introduction(*, users: int, rate: float, versions: Iterable[str]) -> str:
    """Return the head of the page: where and how the figures were measured."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    lines = [
        "# Resilience",
        "",
        "Written by `make resilience`; [what is done and counted](../../docs/resilience.md).",
        "",
        f"- {datetime.now(UTC):%Y-%m-%d}; {os.cpu_count()} processors, {memory:.0f} GiB of memory",
        f"- {', '.join(versions)}",
        f"- {users} users, {rate:g} requests per second",
    ]
    return "\n".join(lines)


def scenarios_table(rows: Iterable[Row]) -> str:
    """Return the table of the scenarios as Markdown."""
    return "\n".join([*_head("Scenarios", _HEADER), *(_line(_cells(row)) for row in rows)])


def soak_table(changes: Iterable[Change], *, minutes: float) -> str:
    """Return the table of the soak as Markdown."""
    header = ("process", "figure", "after the warm-up", "at the end", "accepted growth", "")
    lines = _head(f"Soak of {minutes:g} minutes", header)
    lines += [_line(_change_cells(change)) for change in changes]
    return "\n".join(lines)


def _cells(row: Row) -> list[str]:
    figures = row.figures
    recovery = "" if row.recovery is None else f"{row.recovery:.1f}"
    slowest = f"{figures.slowest:.1f}" if figures.slowest else ""
    verdict = "**missed**" if row.misses else "met"
    counts = (figures.requests, figures.failed, len(figures.lost), len(figures.wrong))
    return [
        row.name,
        *(f"{count:,}".replace(",", " ") for count in counts),
        recovery,
        slowest,
        f"{_targets(row.targets)}: {verdict}",
    ]


def _targets(targets: Targets) -> str:
    parts = ["0 lost, 0 wrong"]
    if targets.failed is not None:
        parts.append(f"{targets.failed} failed")
    if targets.recovery is not None:
        parts.append(f"recovered within {targets.recovery:g} s")
    return ", ".join(parts)


def _change_cells(change: Change) -> list[str]:
    verdict = "met" if change.is_stable else "**missed**"
    figures = (change.start, change.end, change.tolerance)
    return [change.process, change.name, *(f"{figure:.1f}" for figure in figures), verdict]


def _head(title: str, header: Sequence[str]) -> list[str]:
    ruler = ["---", *("---:" for _ in header[1:])]
    return [f"## {title}", "", _line(header), _line(ruler)]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
