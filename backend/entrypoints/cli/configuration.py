"""Prints the effective settings, for `config`."""

from collections.abc import Mapping
from pathlib import Path

import typer

from backend.entrypoints.cli import development
from backend.entrypoints.cli.env_files import ENV_FILE
from backend.entrypoints.cli.exits import MISCONFIGURED, exit_if_misconfigured, with_local_command
from backend.entrypoints.cli.output import print_json, print_notes, print_table, printable
from backend.entrypoints.cli.settings_here import read_settings_here
from backend.settings import Complaint, Settings, errors_of
from backend.settings.effective import EffectiveSetting, effective_settings
from backend.settings.env_file import lines_of_env_file


def config(options: Mapping[str, object], *, as_json: bool, env_file: Path | None) -> None:
    """Print every setting; exit with 78 if a server would refuse the settings.

    Args:
        options: Options of `serve`, by setting; None for those that are not used.
        as_json: Whether to print JSON.
        env_file: The file of the option `--env-file`.
    """
    here = development.is_configured_here()
    path = env_file or (ENV_FILE if here and ENV_FILE.is_file() else None)
    lines = lines_of_env_file(path) if path else {}
    overrides = {name: str(value) for name, value in options.items() if value is not None}
    notes, _, _ = read_settings_here(env_file)
    if development.is_configured_here():  # also with the variables of the file
        settings, complaints = Settings.read(
            **overrides, better_auth_secret=development.read_secret()
        )
        kept = {"BETTER_AUTH_SECRET": f"file {development.SECRET_FILE}"}
    else:
        settings, complaints = Settings.read(**overrides)
        kept = {}
    errors = errors_of(complaints)
    effective = effective_settings(
        settings,
        options=list(map(str.upper, overrides)),
        lines={name: f"{path}, line {line}" for name, line in lines.items()},
        invalid={complaint.meant or complaint.variable for complaint in errors},
        kept=kept,
    )
    if as_json:
        print_json(_report(effective, complaints, notes))
        raise typer.Exit(MISCONFIGURED if errors else 0)
    print_notes(notes)
    rows = [(item.variable, item.value or "-", item.origin) for item in effective]
    print_table(["SETTING", "VALUE", "ORIGIN"], [[printable(cell) for cell in row] for row in rows])
    exit_if_misconfigured(complaints)


def _report(
    effective: list[EffectiveSetting], complaints: list[Complaint], notes: list[str]
) -> dict[str, object]:
    return {
        "ok": not errors_of(complaints),
        "notes": [with_local_command(note).strip() for note in notes],
        "settings": {
            item.variable: {
                "value": item.value,
                "origin": item.origin,
                "secret": item.is_secret,
            }
            for item in effective
        },
        "problems": [
            {
                "variable": complaint.variable,
                "problem": complaint.problem,
                "remedy": with_local_command(complaint.remedy),
                "warning": complaint.is_warning,
            }
            for complaint in complaints
        ],
    }
