"""The settings that commands for the operator read: those of the server of this folder."""

from pathlib import Path

from backend.entrypoints.cli import development
from backend.entrypoints.cli.env_files import NOT_READ, READ, export_variables, is_unread
from backend.settings import Complaint, Settings


def read_settings_here(
    env_file: Path | None, **options: str
) -> tuple[list[str], Settings, list[Complaint]]:
    """Read the settings like the server of this folder.

    Args:
        env_file: The file of the option `--env-file`.
        **options: Other options of the command line, by setting. They replace variables.

    Returns:
        Notes about the sources of the settings, the settings, and the complaints about them.
    """
    notes = [development.NOTE] if development.is_configured_here() else []
    export_variables(env_file, development=bool(notes))
    if notes and Settings.names_an_issuer():
        notes = [] if env_file else [READ]
    elif not notes and not Settings.names_an_issuer() and is_unread(env_file):
        notes = [NOT_READ]
    return notes, *development.read_settings(**options)
