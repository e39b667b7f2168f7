"""The table of `make resilience`."""

from collections.abc import Iterable

from tests.resilience.scenarios import Row


def show(row: Row) -> None:
    f = row.figures
    print(
        row.name,
        "| requests",
        f.requests,
        "failed",
        f.failed,
        "lost",
        len(f.lost),
        "wrong",
        len(f.wrong),
        "recovery",
        row.recovery,
        "slowest",
        round(f.slowest, 2),
        dict(f.reasons),
        row.misses,
        flush=True,
    )


def write(rows: Iterable[Row]) -> None:
    pass
