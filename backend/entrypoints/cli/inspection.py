"""The commands for the operator: `explain` a token, and `doctor` the installation."""

import asyncio
import contextlib
import getpass
import sys
from collections.abc import Sequence
from typing import Any, Final

import typer

from backend.container import Container
from backend.domain.diagnosis import Explanation, Finding
from backend.entrypoints.cli import development, findings
from backend.entrypoints.cli.exits import exit_as_misused, exit_if_misconfigured
from backend.entrypoints.server.logs import configure_logging
from backend.settings import Complaint, Settings
from backend.settings.values import LogLevel

ANY_ARGUMENTS: Final[dict[str, Any]] = {
    # `explain` accepts arguments to reject them: typer's own message would repeat the token.
    "allow_extra_args": True,
    "ignore_unknown_options": True,
}

_NO_ARGUMENTS: Final = """\
explain takes no arguments and no options. It did not read the arguments that you passed.
Other users of this machine can see them, and your shell keeps them in its history.
If one of them was a valid token, sign out its user.
Pass the token on standard input, or run the command alone to be asked for the token:

  python -m backend explain < file-with-the-token"""
_EMPTY_INPUT: Final = """\
No token was given. Pass one on standard input, or run the command in a terminal to be asked:

  python -m backend explain < file-with-the-token"""
_MAX_BYTES: Final = 1_000_000  # far more than the longest token


def explain(context: typer.Context) -> None:
    """Explain why a token or session cookie is accepted or rejected. Reads standard input."""
    if context.args:
        exit_as_misused(_NO_ARGUMENTS)
    settings, complaints = development.read_settings()
    exit_if_misconfigured(
        [complaint for complaint in complaints if not complaint.concerns("DATABASE_URL")]
    )
    if development.runs_here():
        typer.echo(development.NOTE)
    configure_logging(errors_only(settings))
    token = read_token()
    if not token:
        exit_as_misused(_EMPTY_INPUT)
    explanation = asyncio.run(_explain(Container(settings=settings), token))
    typer.echo("\n".join(findings.explanation_lines(explanation)))
    raise typer.Exit(0 if explanation.accepted else 1)


def doctor() -> None:
    """Check settings, keys, clock, database and migrations, and say how to fix each problem."""
    settings, complaints = development.read_settings()
    if development.runs_here():
        typer.echo(development.NOTE)
    configure_logging(errors_only(settings))
    found = [
        *findings.from_complaints(complaints),
        *asyncio.run(_diagnose(Container(settings=settings), complaints)),
    ]
    typer.echo("\n".join(findings.diagnosis_lines(found)))
    if development.runs_here():
        typer.echo(development.NOT_SERVED)
    raise typer.Exit(1 if any(finding.problem for finding in found) else 0)


def read_token() -> str:
    """Read a token from standard input, or ask for the token in a terminal.

    Returns:
        The token without surrounding whitespace; empty if there is none.
    """
    if sys.stdin is None:
        return ""
    if sys.stdin.isatty():
        return getpass.getpass("Token: ").strip()
    return sys.stdin.buffer.read(_MAX_BYTES).decode("utf-8-sig", errors="replace").strip()


def errors_only(settings: Settings) -> Settings:
    """Return settings that log errors only, because the findings report every problem."""
    return settings.model_copy(update={"log_level": LogLevel.ERROR})


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
    found: list[Finding] = [
        *await container.diagnose_issuer(),
        *container.diagnose_cookies(),
    ]
    if not any(complaint.concerns("DATABASE_URL") for complaint in complaints):
        found += await container.diagnose_database()
    return found
