"""The settings of `serve` and `dev`, and the socket that they name."""

import contextlib
import os
import socket

from backend.entrypoints.cli.exits import exit_if_misconfigured
from backend.entrypoints.server import listening
from backend.settings import Complaint, ConfigurationError, Settings


def read_settings(**options: object) -> tuple[Settings, list[Complaint]]:
    """Read the settings. Options of the command line replace their variables.

    The options are exported as environment variables, so that worker processes see them.

    Args:
        **options: The options, by setting; None for those that are not used.

    Returns:
        The settings, and the complaints about them.
    """
    texts = {name: str(value) for name, value in options.items() if value is not None}
    os.environ |= {name.upper(): text for name, text in texts.items()}
    return Settings.read(**{name: text for name, text in texts.items() if text})


def listen(settings: Settings) -> contextlib.closing[socket.socket]:
    """Listen on the address of the settings; exit if the address cannot be used."""
    try:
        return contextlib.closing(listening.listen(settings))
    except ConfigurationError as error:
        exit_if_misconfigured(error.complaints)
        raise
