"""The commands for the operator: `explain` a token, and `doctor` the installation."""

import asyncio
import contextlib
import getpass
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import typer

from backend.container import Container
from backend.domain.diagnosis import Explanation, Finding
from backend.entrypoints.cli import development, findings
from backend.entrypoints.cli.env_files import ENV_FILE, NOT_READ, EnvFile, export_variables
from backend.entrypoints.cli.exits import exit_as_misused, exit_if_misconfigured
from backend.entrypoints.server.logs import configure_logging
from backend.settings import Complaint, Settings, client_environment, errors_of
from backend.settings.values import LogLevel

ANY_ARGUMENTS: Final[dict[str, Any]] = {
    # `explain` accepts arguments to reject them: typer's own message would repeat the token.
    "allow_extra_args": True,
    "ignore_unknown_options": True,
}

_NO_ARGUMENTS: Final = """\
explain takes no arguments, and no option but --env-file. It did not read what you passed.
Other users of this machine can see arguments, and your shell keeps them in its history.
If an argument was a valid token, sign out its user.
Pass the token on standard input, or run the command alone to be asked for the token:

  python -m backend explain < file-with-the-token"""
_EMPTY_INPUT: Final = """\
Standard input has no token. Pass a token there, or run the command in a terminal to be asked:

  python -m backend explain < file-with-the-token"""
_MAX_BYTES: Final = 1_000_000  # far more than the longest token


def explain(context: typer.Context, env_file: EnvFile = None) -> None:
    """Explain why a token or session cookie is accepted or rejected. Reads standard input."""
    if context.args:
        exit_as_misused(_NO_ARGUMENTS)
    note, settings, complaints = _read_settings(env_file)
    complaints = [item for item in complaints if not item.concerns("DATABASE_URL")]
    exit_if_misconfigured(complaints)
    if note:
        typer.echo(note)
    configure_logging(errors_only(settings))
    token = read_token()
    if not token:
        exit_as_misused(_EMPTY_INPUT)
    explanation = asyncio.run(_explain(Container(settings=settings), token))
    typer.echo("\n".join(findings.explanation_lines(explanation, warnings=complaints)))
    raise typer.Exit(0 if explanation.accepted else 1)


def doctor(env_file: EnvFile = None) -> None:
    """Check settings, keys, clock, database and migrations, and say how to fix each problem."""
    note, settings, complaints = _read_settings(env_file)
    if note:
        typer.echo(note)
    configure_logging(errors_only(settings))
    found = [
        *findings.from_complaints(complaints),
        *asyncio.run(_diagnose(Container(settings=settings), complaints)),
    ]
    typer.echo("\n".join(findings.diagnosis_lines(found)))
    if development.runs_here():
        typer.echo(development.NOT_SERVED)
    raise typer.Exit(1 if any(finding.failed for finding in found) else 0)


def read_token() -> str:
    """Read a token from standard input, or ask for the token in a terminal.

    Returns:
        The token without surrounding whitespace; empty if there is no token.
    """
    if sys.stdin is None:
        return ""
    if sys.stdin.isatty():
        return getpass.getpass("Token: ").strip()
    return sys.stdin.buffer.read(_MAX_BYTES).decode("utf-8-sig", errors="replace").strip()


def errors_only(settings: Settings) -> Settings:
    """Return settings that log errors only, because the findings report every problem."""
    return settings.model_copy(update={"log_level": LogLevel.ERROR})


def _read_settings(env_file: Path | None) -> tuple[str | None, Settings, list[Complaint]]:
    """Read the settings as the server of this folder does, and note where they come from."""
    note = development.NOTE if development.runs_here() else None
    export_variables(env_file, development=note is not None)
    if not note and not Settings.names_an_issuer() and ENV_FILE.is_file() and env_file is None:
        note = NOT_READ
    settings, complaints = development.read_settings()
    return note, settings, complaints


async def _explain(container: Container, token: str) -> Explanation:
    async with container.http_client(), container.jwks_keys() or contextlib.nullcontext():
        explanation: Explanation
        cookies = container.cookie_explainer()
        if cookies is not None and (cookie := cookies.find(token)):
            explanation = await cookies.explain(cookie)
        else:
            explanation = await container.token_explainer().explain(token)
        return explanation


async def _diagnose(container: Container, complaints: Sequence[Complaint]) -> list[Finding]:
    refused = {complaint.variable.upper() for complaint in errors_of(complaints)}
    if refused & client_environment.VARIABLES:
        obstacle = "the HTTP client cannot be made with these settings"
        found = [Finding(check="keys", checked=False, found=obstacle)]
    else:
        found = await container.diagnose_issuer()
    found += container.diagnose_cookies()
    if not any(complaint.concerns("DATABASE_URL") for complaint in complaints):
        found += await container.diagnose_database()
    return found
