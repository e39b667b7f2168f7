"""Prints the effective settings, for `config`."""

from collections.abc import Mapping
from pathlib import Path

import typer

from backend.entrypoints.cli import development, reports
from backend.entrypoints.cli.env_files import ENV_FILE
from backend.entrypoints.cli.exits import MISCONFIGURED, exit_if_misconfigured
from backend.entrypoints.cli.output import print_json, print_notes, print_table, printable
from backend.entrypoints.cli.secret_file import SECRET_FILE
from backend.entrypoints.cli.settings_here import read_settings_here
from backend.settings import errors_of
from backend.settings.effective import effective_settings
from backend.settings.env_file import lines_of_env_file


def config(options: Mapping[str, object], *, as_json: bool, env_file: Path | None) -> None:
    """Print every setting; exit with 78 if the settings are invalid.

    Args:
        options: Options of `serve`, by setting; None for those that are not used.
        as_json: Whether to print JSON.
        env_file: The file of the option `--env-file`.
    """
    overrides = {name: str(value) for name, value in options.items() if value is not None}
    lines = _lines_of_file(env_file)  # before the variables of the file are exported
    notes, settings, complaints = read_settings_here(env_file, **overrides)
    is_development = development.is_configured_here()
    errors = errors_of(complaints)
    effective = effective_settings(
        settings,
        options=list(map(str.upper, overrides)),
        lines=lines,
        invalid={complaint.meant or complaint.variable for complaint in errors},
        kept={"BETTER_AUTH_SECRET": f"file {SECRET_FILE}"} if is_development else {},
    )
    if as_json:
        print_json(reports.settings_report(effective, complaints=complaints, notes=notes))
        raise typer.Exit(MISCONFIGURED if errors else 0)
    print_notes(notes)
    rows = [(item.variable, item.value or "-", item.origin) for item in effective]
    print_table(["SETTING", "VALUE", "ORIGIN"], [[printable(cell) for cell in row] for row in rows])
    exit_if_misconfigured(complaints)


def _lines_of_file(env_file: Path | None) -> dict[str, str]:
    """Return where the file of the option, or the `.env` file of this folder, sets a variable."""
    path = env_file
    if path is None and development.is_configured_here() and ENV_FILE.is_file():
        path = ENV_FILE
    lines = lines_of_env_file(path) if path else {}
    return {name: f"{path}, line {line}" for name, line in lines.items()}
