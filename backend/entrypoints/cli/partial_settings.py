"""Reads the settings for a command that needs only some of them."""

from pathlib import Path

import typer

from backend.entrypoints.cli.env_files import NOT_READ, export_variables, is_unread
from backend.entrypoints.cli.exits import exit_if_misconfigured
from backend.entrypoints.server.logs import configure_logging
from backend.settings import Settings


def read_partial_settings(env_file: Path | None, *variables: str) -> Settings:
    """Read the settings, and configure the log.

    Args:
        env_file: The file of the option `--env-file`.
        *variables: The variables that the command needs. If any of them is invalid, the command
            exits with all complaints about them. Complaints about other variables do not matter.
    """
    export_variables(env_file, development=False)
    if is_unread(env_file):
        typer.echo(NOT_READ, err=True)
    settings, complaints = Settings.read()
    exit_if_misconfigured(
        [complaint for complaint in complaints if any(map(complaint.concerns, variables))]
    )
    configure_logging(settings)
    return settings
