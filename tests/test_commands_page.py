"""docs/commands.md: it has every command and option, with the help texts of the program."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import typer

from backend.domain.diagnosis import Explanation, Finding
from backend.entrypoints.cli.exits import MISCONFIGURED, MISUSED, UNAVAILABLE
from backend.entrypoints.cli.main import cli
from backend.entrypoints.cli.reports import diagnosis_report, explanation_report
from tests.documents import text_of

PAGE: Final = Path("docs/commands.md")
COMMANDS: Final[dict[str, Any]] = dict(typer.main.get_command(cli).commands)  # type: ignore[attr-defined]  # a group


def section_of(command: str) -> str:
    """Return the text below the heading of a command."""
    found = re.search(
        rf"^## `{command}`\n(.*?)(?=^## |\Z)", text_of(PAGE), re.DOTALL | re.MULTILINE
    )
    assert found is not None
    return found[1]


def rows_of(command: str) -> list[str]:
    """Return the rows of the table of options that the page should have."""
    return list(_rows(COMMANDS[command]))


def _rows(command: Any) -> Iterator[str]:
    for parameter in command.params:
        if parameter.name != "help":
            names = " / ".join(f"`{name}`" for name in _names(parameter))
            default = parameter.default if parameter.show_default and parameter.default else None
            shown = f"`{_text(default)}`" if default is not None else ""
            yield f"| {names} | {parameter.help} | {shown} |"


def _names(parameter: Any) -> list[str]:
    if parameter.param_type_name == "argument":
        return [parameter.name.upper()]
    takes_value = not parameter.is_flag
    metavar = (parameter.metavar or parameter.opts[0].strip("-").upper()) if takes_value else ""
    names = [*parameter.opts, *parameter.secondary_opts]
    return [f"{name} {metavar}".strip() for name in names]


def _text(default: Any) -> str:
    if default is True:
        return "on"
    return str(getattr(default, "value", default))


def test_the_page_has_a_section_for_each_command_in_the_order_of_use() -> None:
    headings = re.findall(r"^## `([a-z]+)`$", text_of(PAGE), re.MULTILINE)
    assert headings == list(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_section_has_the_help_text_of_its_command(command: str) -> None:
    prose = " ".join(section_of(command).replace("`", "").split())
    for paragraph in COMMANDS[command].help.split("\n\n"):
        assert " ".join(paragraph.split()) in prose


@pytest.mark.parametrize("command", COMMANDS)
def test_a_section_has_every_option_with_its_help_text(command: str) -> None:
    table = [line for line in section_of(command).splitlines() if re.match(r"\| `(-|[A-Z])", line)]
    assert "\n".join(table) == "\n".join(rows_of(command))


def keys_of(name: str) -> set[str]:
    """Return the keys of the JSON that a section shows."""
    found = re.search(r"^```json\n(.*?)^```$", section_of(name), re.DOTALL | re.MULTILINE)
    assert found is not None
    shown = json.loads(found[1])
    return {*shown, *(f"checks.{key}" for check in shown["checks"] for key in check)}


def test_the_json_of_the_page_has_the_keys_of_the_program() -> None:
    finding = Finding(check="a")
    reports = {
        "doctor": diagnosis_report([finding], notes=[]),
        "explain": explanation_report(Explanation(findings=[finding]), warnings=[], notes=[]),
    }
    for command, report in reports.items():
        assert keys_of(command) == {*report, *(f"checks.{key}" for key in report["checks"][0])}


def test_the_page_has_the_exit_codes() -> None:
    table = dict(re.findall(r"^\| (\d+) \| (.*) \|$", text_of(PAGE), re.MULTILINE))
    assert table.keys() == {"0", "1", str(MISUSED), str(UNAVAILABLE), str(MISCONFIGURED)}
