"""Results: tables, a chart, and the verdict on each target."""

import json
import math
import statistics
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.harness import machine
from benchmarks.harness.chart import Bar, bar_chart
from benchmarks.harness.rounds import REQUIRED_ROUNDS, round_count

FOLDER = Path(__file__).resolve().parents[1] / "results"

MAX_BUSY = 0.1  # CPU use of other programs above which no target is decided


@dataclass(frozen=True, kw_only=True)
class Target:
    """A figure and its bound: a maximum or a minimum.

    Attributes:
        error: The standard error of the figure.
        every: The figure of all rounds, if `figure` leaves some rounds out.
        doubted: Whether too many rounds are left out to decide the target.
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
        """Create a target whose figure is the median of the rounds."""
        low, middle, high = statistics.quantiles(rounds, n=4, method="inclusive")
        error = 0.93 * (high - low) / math.sqrt(len(rounds))  # of a median, normal distribution
        return cls(figure=middle, error=error, **rest)

    def met(self, figure: float) -> bool:
        """Return whether a figure meets the bound."""
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
            verdict += f", but {'met' if self.met(self.every) else 'not met'} in all rounds"
        return verdict


@dataclass(frozen=True, kw_only=True)
class Table:
    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def markdown(self) -> str:
        lines = [f"### {self.title}", "", _line(self.header), _line(_ruler(self.header))]
        lines += [_line(row) for row in self.rows]
        return "\n".join([*lines, *(["", _wrap(self.note)] if self.note else [])])


@dataclass(kw_only=True)
class Result:
    """The result of a measurement.

    Attributes:
        about: A description of the measurement, as Markdown.
        doubts: The reasons why this run decides no target.
    """

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
        if round_count() < REQUIRED_ROUNDS:
            self.doubts.append(f"{round_count()} rounds instead of {REQUIRED_ROUNDS}")

    def end(self) -> None:
        """Record the CPU use of other programs after the run."""
        busy = machine.busy()
        self.machine.append(f"after the run: {busy:.0%}")
        self._doubt(busy)

    def _doubt(self, busy: float) -> None:
        doubt = f"Other programs used more than {MAX_BUSY:.0%} of the CPU"
        if busy > MAX_BUSY and doubt not in self.doubts:
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
    """Write the page and the chart of a measurement, and its data for the summary."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{result.name}.md").write_text(result.markdown())
    if result.bars:
        chart = bar_chart(result.chart_title, result.chart_unit, result.bars)
        (FOLDER / f"{result.name}.svg").write_text(chart)
    data = {
        "title": result.title,
        "machine": result.machine,
        "versions": machine.versions(),
        "doubts": result.doubts,
        "targets": [asdict(target) for target in result.targets],
    }
    (FOLDER / f"{result.name}.json").write_text(json.dumps(data, indent=1, ensure_ascii=False))


def write_summary(names: Iterable[str]) -> None:
    """Write the page that lists the targets of all measurements."""
    parts = [
        "# Results",
        "Written by `make bench`; [how they are measured](../README.md).",
        _wrap(
            "*Reference µs* are microseconds of the machine for which the targets were set: PyJWT "
            "decodes an HS256 token there in 46 µs. ± is the standard error of the median."
        ),
    ]
    versions = ""
    for name in names:
        path = FOLDER / f"{name}.json"
        if not path.exists():
            continue
        data = json.loads(path.read_text())
        parts.append(f"## [{data['title']}]({name}.md)")
        parts.append(_wrap("; ".join(data["machine"]) + "."))
        if versions != (versions := ", ".join(data["versions"])):
            parts.append(_wrap(f"Versions of this and the following measurements: {versions}."))
        targets = [Target(**target) for target in data["targets"]]
        parts.append(_targets(targets, data["doubts"]))
    (FOLDER / "README.md").write_text("\n\n".join(parts) + "\n")


def number(value: float) -> str:
    """Format a figure with its significant digits."""
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _targets(targets: Sequence[Target], doubts: Sequence[str]) -> str:
    header = ("target", "bound", "measured", "verdict")
    rows = [target.row(decided=not doubts) for target in targets]
    table = "\n".join([_line(header), _line(_ruler(header)), *map(_line, rows)])
    notes = [f"**{doubt}: this run decides no target.**" for doubt in doubts]
    return "\n\n".join([*notes, table])


def _wrap(text: str) -> str:
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def _ruler(header: Sequence[str]) -> list[str]:
    return ["---"] + ["---:"] * (len(header) - 1)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
