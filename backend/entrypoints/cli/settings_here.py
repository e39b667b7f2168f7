"""The settings that commands for the operator read: those of the server of this folder."""

from pathlib import Path

from backend.entrypoints.cli import development
from backend.entrypoints.cli.env_files import ENV_FILE, NOT_READ, export_variables
from backend.settings import Complaint, Settings


def read_settings_here(
    env_file: Path | None, **options: str
) -> tuple[list[str], Settings, list[Complaint]]:
    """Read the settings as the server of this folder does.

    Args:
        env_file: The file of the option `--env-file`.
        **options: Other options of the command line, by setting. They replace variables.

    Returns:
        Notes about where the settings come from, the settings, and what is wrong with them.
    """
    notes = [development.NOTE] if development.is_configured_here() else []
    export_variables(env_file, development=bool(notes))
    if not notes and not Settings.names_an_issuer() and ENV_FILE.is_file() and env_file is None:
        notes = [NOT_READ]
    return notes, *development.read_settings(**options)
