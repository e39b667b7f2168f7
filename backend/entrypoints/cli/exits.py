"""Ends commands early: exit codes, and messages on standard error."""

import asyncio
import logging
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

import typer

from backend.entrypoints.cli.program import SCRIPT, is_script
from backend.settings import Complaint, ConfigurationError, errors_of

MISCONFIGURED: Final = 78  # EX_CONFIG of sysexits.h
UNAVAILABLE: Final = 75  # EX_TEMPFAIL of sysexits.h: another start can succeed
MISUSED: Final = 2  # the exit code of typer for an unknown option

_VIRTUAL_ENVIRONMENT: Final = Path(".venv")

_log = logging.getLogger(__name__)


def complaints_of(action: Coroutine[Any, Any, None]) -> list[Complaint]:
    """Run an action, and return the complaints of its `ConfigurationError`, if it raises any."""
    try:
        asyncio.run(action)
    except ConfigurationError as error:
        return list(error.complaints)
    return []


def exit_if_misconfigured(complaints: Sequence[Complaint]) -> None:
    """Print complaints about the configuration and exit, if there are any besides warnings."""
    errors = errors_of(complaints)
    if errors and all(complaint.is_temporary for complaint in errors):
        _exit("The database is unavailable:", errors, code=UNAVAILABLE)
    if errors:
        _exit("The configuration is invalid:", errors, code=MISCONFIGURED)


def log_warnings(complaints: Sequence[Complaint]) -> None:
    """Log the warnings about the configuration."""
    for complaint in complaints:
        if complaint.is_warning:
            _log.warning("%s", complaint)


def exit_if_unprotected(complaints: Sequence[Complaint]) -> None:
    """Print complaints about unprotected routes and exit, if there are any."""
    if complaints:
        _exit("The application has unprotected routes:", complaints, code=MISCONFIGURED)


def exit_as_misused(message: str) -> NoReturn:
    """Print why the command cannot run with this input, and exit."""
    typer.echo(with_local_command(message), err=True)
    raise typer.Exit(MISUSED)


def with_local_command(text: str) -> str:
    """Write each command of a text as the user must type it here.

    The command is `todo-api` if the project is installed, and `.venv/bin/python -m backend` in the
    folder of that environment.
    """
    if is_script():
        return text.replace("python -m backend", SCRIPT).replace("make run", f"{SCRIPT} dev")
    if Path(sys.prefix) != _VIRTUAL_ENVIRONMENT.absolute():
        return text
    return text.replace("python -m backend", f"{_VIRTUAL_ENVIRONMENT}/bin/python -m backend")


def _exit(title: str, complaints: Sequence[Complaint], *, code: int) -> NoReturn:
    typer.echo(f"{title}\n", err=True)
    for complaint in complaints:
        typer.echo(f"  {with_local_command(str(complaint))}", err=True)
    raise typer.Exit(code)
