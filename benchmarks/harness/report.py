"""Results: tables, a chart, and whether the targets are met."""

import json
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.harness import machine
from benchmarks.harness.chart import Bar, bar_chart
from benchmarks.harness.rounds import ENOUGH, wanted

FOLDER = Path(__file__).resolve().parents[1] / "results"

BUSY = 0.1  # the most that other programs may take for a figure to decide anything


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a figure ought to be: at most, or at least, a bound.

    Attributes:
        error: The standard error of the figure.
        every: The figure of all rounds, if some are left out of it.
        doubted: Whether so many are left out that it decides nothing.
    """

    what: str
    figure: float
    bound: float
    unit: str = ""
    error: float = 0.0
    at_least: bool = False
    every: float | None = None
    doubted: bool = False

    @classmethod
    def of(cls, rounds: Sequence[float], **rest: Any) -> "Target":
        """Make one whose figure is the median of so many rounds."""
        low, middle, high = statistics.quantiles(rounds, n=4, method="inclusive")
        error = 0.93 * (high - low) / math.sqrt(len(rounds))  # a normal distribution's median's
        return cls(figure=middle, error=error, **rest)

    def met(self, figure: float) -> bool:
        """Tell whether a figure is as it ought to be."""
        return figure >= self.bound if self.at_least else figure <= self.bound

    def row(self, *, decided: bool) -> list[str]:
        sign = "≥" if self.at_least else "≤"
        unit = f" {self.unit}".rstrip()
        measured, bound = f"{number(self.figure)}{unit}", f"{sign} {self.bound:g}{unit}"
        if self.error:
            measured += f" ± {self.error:.2g}"
        if self.every is not None:
            measured += f" ({number(self.every)} in all rounds)"
        verdict = self._verdict()
        if self.doubted or not decided:
            verdict = f"undecided ({verdict})"
        return [self.what, bound, measured, verdict]

    def _verdict(self) -> str:
        verdict = "met" if self.met(self.figure) else "**not met**"
        if abs(self.figure - self.bound) <= self.error:
            verdict += ", within the error"
        if self.every is not None and self.met(self.every) != self.met(self.figure):
            verdict += ", otherwise in all rounds"
        return verdict


@dataclass(frozen=True, kw_only=True)
class Table:
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def markdown(self) -> str:
        lines = [f"### {self.title}", "", _line(self.head), _line(_ruler(self.head))]
        lines += [_line(row) for row in self.rows]
        return "\n".join([*lines, *(["", self.note] if self.note else [])])


@dataclass(kw_only=True)
class Result:
    """All that one measurement found."""

    name: str
    title: str
    about: str
    busy: float = field(default_factory=machine.busy)
    doubts: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    chart_title: str = ""
    chart_unit: str = ""
    bars: list[Bar] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.machine = machine.describe(self.busy)
        self._doubt(self.busy)
        if wanted() < ENOUGH:
            self.doubts.append(f"{ENOUGH} rounds would have been enough, {wanted()} are not")

    def end(self) -> None:
        """Look at the machine once more, when all is measured."""
        busy = machine.busy()
        self.machine.append(f"and {busy:.0%} just after")
        self._doubt(busy)

    def _doubt(self, busy: float) -> None:
        doubt = "The machine was busy with other programs"
        if busy > BUSY and doubt not in self.doubts:
            self.doubts.append(doubt)

    def markdown(self) -> str:
        parts = [f"# {self.title}", self.about, "\n".join(f"- {line}" for line in self.machine)]
        if self.bars:
            parts.append(f"![{self.chart_title}]({self.name}.svg)")
        if self.targets:
            parts.append(_targets(self.targets, self.doubts))
        parts += [table.markdown() for table in self.tables]
        return "\n\n".join(parts) + "\n"


def write(result: Result) -> None:
    """Write one measurement's page, its chart, and what the summary needs of it."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{result.name}.md").write_text(result.markdown())
    if result.bars:
        chart = bar_chart(result.chart_title, result.chart_unit, result.bars)
        (FOLDER / f"{result.name}.svg").write_text(chart)
    kept = {
        "title": result.title,
        "machine": result.machine,
        "versions": machine.versions(),
        "doubts": result.doubts,
        "targets": [asdict(target) for target in result.targets],
    }
    (FOLDER / f"{result.name}.json").write_text(json.dumps(kept, indent=1, ensure_ascii=False))


def write_summary(names: Iterable[str]) -> None:
    """Write the page that says of every target whether it is met."""
    parts = ["# Results", "Written by `make bench`; [how they are measured](../README.md)."]
    parts.append(
        "*Reference µs* are those of the machine that the targets were set for, on which PyJWT "
        "decodes an HS256 token in 46 µs. ± is a median's standard error."
    )
    versions = ""
    for name in names:
        path = FOLDER / f"{name}.json"
        if not path.exists():
            continue
        kept = json.loads(path.read_text())
        parts.append(f"## [{kept['title']}]({name}.md)")
        parts.append("; ".join(kept["machine"]) + ".")
        if versions != (versions := ", ".join(kept["versions"])):
            parts.append(f"Versions, from here on: {versions}.")
        targets = [Target(**target) for target in kept["targets"]]
        parts.append(_targets(targets, kept["doubts"]))
    (FOLDER / "README.md").write_text("\n\n".join(parts) + "\n")


def number(value: float) -> str:
    """Write a figure with the digits that mean something."""
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _targets(targets: Sequence[Target], doubts: Sequence[str]) -> str:
    head = ("target", "bound", "measured", "")
    lines = [target.row(decided=not doubts) for target in targets]
    table = "\n".join([_line(head), _line(_ruler(head)), *map(_line, lines)])
    return "\n\n".join([*(f"**{doubt}: this run decides nothing.**" for doubt in doubts), table])


def _ruler(head: Sequence[str]) -> list[str]:
    return ["---"] + ["---:"] * (len(head) - 1)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
