"""Prints results: in colour on a terminal, as plain text elsewhere and with NO_COLOR."""

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

import typer

_STYLES: Final = {"ok": "green", "--": "dim", "warn": "yellow", "FAIL": "bold red"}
_VERDICT: Final = re.compile(r"  (ok|--|warn|FAIL) ")


def print_json(value: Any) -> None:
    """Print JSON in ASCII, so that it contains no characters that a terminal interprets."""
    typer.echo(json.dumps(value, indent=2))


def print_notes(notes: Iterable[str]) -> None:
    """Print notes before the result."""
    for note in notes:
        typer.echo(note)


def print_lines(lines: Iterable[str]) -> None:
    """Print lines; on a terminal, the verdict of a check is in colour."""
    if not is_terminal():
        typer.echo("\n".join(lines))
        return
    from rich.console import Console  # noqa: PLC0415 - not needed without a terminal
    from rich.text import Text  # noqa: PLC0415 - `--help` must be fast

    console = Console(soft_wrap=True, highlight=False)
    for line in lines:
        text = Text(line)
        if match := _VERDICT.match(line):
            text.stylize(_STYLES[match[1]], *match.span(1))
        console.print(text)


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: a table of rich on a terminal, else columns that are separated by spaces."""
    rows = [list(row) for row in rows]
    if not is_terminal():
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        for row in (head, *rows):
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            typer.echo("  ".join(cells).rstrip())
        return
    from rich.box import SIMPLE  # noqa: PLC0415 - not needed without a terminal
    from rich.console import Console  # noqa: PLC0415 - `--help` must be fast
    from rich.table import Table  # noqa: PLC0415 - `--help` must be fast
    from rich.text import Text  # noqa: PLC0415 - `--help` must be fast

    table = Table(*head, box=SIMPLE)
    for row in rows:
        name, *others = row
        table.add_row(Text(name, "bold"), *map(Text, others))
    Console().print(table)


def is_terminal() -> bool:
    """Return whether the output may have colours: it is a terminal, and NO_COLOR is not set."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def printable(text: str) -> str:
    """Escape characters that a terminal would interpret instead of showing."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
