"""The option `--env-file`, and the file `.env` of a development server."""

from pathlib import Path
from typing import Final

from backend.entrypoints.cli.exits import exit_if_misconfigured
from backend.settings.env_file import export_env_file

ENV_FILE: Final = Path(".env")
NOT_READ: Final = (
    "This command did not read the .env file of this folder: only a development server reads the"
    " file automatically.\nTo use the settings in the file, add `--env-file .env`.\n"
)
READ: Final = (
    "The settings come from the .env file of this folder, as a development server reads it."
    "\n`serve` and `migrate` do not read the file automatically: add `--env-file .env`.\n"
)


def export_variables(env_file: Path | None, *, development: bool) -> Path | None:
    """Export the variables of a file to the environment; exit if the file cannot be used.

    Args:
        env_file: The file of the option; None without the option.
        development: Whether to read the `.env` file of this folder without the option.

    Returns:
        The file that was read, if any.
    """
    if env_file is not None:
        exit_if_misconfigured(export_env_file(env_file, "--env-file"))
        return env_file
    if development and ENV_FILE.is_file():  # a folder with this name is a virtual environment
        exit_if_misconfigured(export_env_file(ENV_FILE, str(ENV_FILE)))
        return ENV_FILE
    return None


def is_unread(env_file: Path | None) -> bool:
    """Return whether this folder has a `.env` file that a command without the option does not read.

    Args:
        env_file: The file of the option `--env-file`; None without the option.
    """
    return env_file is None and ENV_FILE.is_file()
