"""The commands for the operator: `explain` a token, and `doctor` the installation."""

import asyncio
import contextlib
import getpass
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import typer

from backend.container.inspection import InspectionContainer
from backend.domain.diagnosis import Explanation, Finding
from backend.entrypoints.cli import development, findings, reports
from backend.entrypoints.cli.exits import exit_as_misused, exit_if_misconfigured
from backend.entrypoints.cli.output import print_json, print_lines, print_notes
from backend.entrypoints.cli.settings_here import read_settings_here
from backend.entrypoints.server.logs import configure_logging
from backend.settings import Complaint, ConfigurationError, Settings, client_environment, errors_of
from backend.settings.values import LogLevel

_NO_ARGUMENTS: Final = """\
explain takes no arguments, and no options but --env-file and --json. It did not read yours.
Other users of this machine can see arguments, and your shell keeps arguments in its history.
A valid token works until its expiry, even if the user signs out.
Pass the token on standard input, or run the command alone to be asked for the token:

  python -m backend explain < file-with-the-token"""
_EMPTY_INPUT: Final = """\
Standard input has no token. Pass a token there, or run the command in a terminal to be asked:

  python -m backend explain < file-with-the-token"""
_MAX_BYTES: Final = 1_000_000  # far more than the longest token


def explain(arguments: Sequence[str], *, as_json: bool, env_file: Path | None) -> None:
    """Explain the token on standard input; exit with 0 if the API accepts the token, else with 1.

    Args:
        arguments: Arguments of the command line, which are refused.
        as_json: Whether to print JSON.
        env_file: The file of the option `--env-file`.
    """
    if arguments:
        exit_as_misused(_NO_ARGUMENTS)
    notes, settings, complaints = read_settings_here(env_file)
    complaints = [item for item in complaints if not item.concerns("DATABASE_URL")]
    exit_if_misconfigured(complaints)
    if not as_json:
        print_notes(notes)
    configure_logging(errors_only(settings))
    token = read_token()
    if not token:
        exit_as_misused(_EMPTY_INPUT)
    explanation = asyncio.run(_explain(InspectionContainer(settings=settings), token))
    if as_json:
        print_json(reports.explanation_report(explanation, warnings=complaints, notes=notes))
    else:
        print_lines(findings.explanation_lines(explanation, warnings=complaints))
    raise typer.Exit(0 if explanation.accepted else 1)


def doctor(*, as_json: bool, env_file: Path | None) -> None:
    """Check the installation; exit with 0 if no check fails, else with 1.

    Args:
        as_json: Whether to print JSON.
        env_file: The file of the option `--env-file`.
    """
    notes, settings, complaints = read_settings_here(env_file)
    if not as_json:
        print_notes(notes)
    configure_logging(errors_only(settings))
    found = [
        *findings.from_complaints(complaints),
        *asyncio.run(_diagnose(InspectionContainer(settings=settings), complaints)),
    ]
    if as_json:
        print_json(reports.diagnosis_report(found, notes=notes))
    else:
        print_lines(findings.diagnosis_lines(found))
        if development.is_configured_here():
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


async def _explain(container: InspectionContainer, token: str) -> Explanation:
    issuers = container.issuer_inspection()
    if issuers is None:
        return await _explain_with(container, container, token)
    if (unknown := issuers.explain_unknown(token)) is not None:
        return unknown
    explanation = await _explain_with(issuers.container_for(token), container, token)
    return issuers.add_entry(explanation, token)


async def _explain_with(
    issuer: InspectionContainer, container: InspectionContainer, token: str
) -> Explanation:
    """Explain a token or a session cookie.

    Args:
        issuer: Has the keys and rules of the issuer.
        container: Has the revocations.
        token: The text that was sent as a bearer token. Untrusted and secret.
    """
    async with issuer.http_client(), issuer.jwks_keys() or contextlib.nullcontext():
        cookies, session_tokens = issuer.cookie_explainer(), issuer.session_token_explainer()
        if cookies is not None and (cookie := cookies.find(token)):
            explanation = await cookies.explain(cookie)
            verifier, token = issuer.session_verifier(), cookie
        elif session_tokens is not None and session_tokens.recognizes(token):
            explanation = await session_tokens.explain(token)
            verifier = issuer.token_verifier()
        else:
            explanation = await issuer.token_explainer().explain(token)
            verifier = issuer.token_verifier()
        explained: Explanation = await container.explain_revocation(explanation, verifier, token)
        return explained


async def _diagnose(
    container: InspectionContainer, complaints: Sequence[Complaint]
) -> list[Finding]:
    try:
        found = await _diagnose_issuers(container, complaints)
        found += container.diagnose_cookies()
    except ConfigurationError:  # the complaints are findings already
        found = [Finding(check="keys", checked=False, found="AUTH_TRUSTED_ISSUERS is invalid")]
    if not any(complaint.concerns("DATABASE_URL") for complaint in complaints):
        database = await container.diagnose_database()
        found += database
        if not any(finding.failed for finding in database):
            found += await container.diagnose_revocations()
    return found


async def _diagnose_issuers(
    container: InspectionContainer, complaints: Sequence[Complaint]
) -> list[Finding]:
    refused = {complaint.variable.upper() for complaint in errors_of(complaints)}
    if refused & client_environment.VARIABLES:
        obstacle = "the HTTP client cannot be made with these settings"
        return [Finding(check="keys", checked=False, found=obstacle)]
    found: list[Finding] = await (container.issuer_inspection() or container).diagnose_issuer()
    return [*found, *await container.diagnose_session_tokens()]
