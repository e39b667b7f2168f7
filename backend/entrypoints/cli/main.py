"""The command line: serve, dev, migrate, token, explain, doctor."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import Annotated, Any, Final

import typer
import uvicorn

from backend import __version__
from backend.container import Container
from backend.domain.diagnosis import Explanation, Finding
from backend.entrypoints.cli import development, inspection
from backend.entrypoints.http.app import create_app
from backend.entrypoints.server import process
from backend.entrypoints.server.logs import configure_logging
from backend.settings import ConfigurationError, Settings

MISCONFIGURED: Final = 78  # EX_CONFIG of sysexits.h
MISUSED: Final = 2  # as with options that do not exist

cli = typer.Typer(
    help="A Todo API for the users that Better Auth signed in.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

Host = Annotated[str | None, typer.Option(help="The address to listen on, instead of HOST.")]
Port = Annotated[int | None, typer.Option(help="The port to listen on, instead of PORT.")]
Workers = Annotated[int | None, typer.Option(help="How many processes, instead of WORKERS.")]
User = Annotated[str, typer.Option("--user", help="The user's id.")]
Email = Annotated[str | None, typer.Option(help="The user's e-mail address.")]
Name = Annotated[str | None, typer.Option(help="The user's name.")]
Minutes = Annotated[int, typer.Option(min=1, help="How long it is valid.")]


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"todo-api {__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
    ),
]


@cli.callback()
def options(*, version: Version = False) -> None:
    """Take the options that belong to no command."""


@cli.command()
def serve(host: Host = None, port: Port = None, workers: Workers = None) -> None:
    """Serve in production; refuses to start unless all that it needs is configured."""
    _say(host=host, port=port, workers=workers)
    settings, complaints = Settings.read()
    if not any(_is_of_database(complaint) for complaint in complaints):
        complaints += _complaints_of(Container(settings=settings).check_schema())
    _refuse_if(complaints)
    configure_logging(settings)
    _refuse_app_if(process.exposed(process.app_from_environment()))
    with contextlib.closing(_listen(settings, "python -m backend serve")) as listener:
        where: dict[str, Any] = settings.model_dump(include={"host", "port", "workers"})
        process.run(uvicorn.Config(process.APP, factory=True, **where, **process.UVICORN), listener)


@cli.command()
def dev(host: Host = None, port: Port = None) -> None:
    """Serve for development: migrates first, and without an issuer makes a secret and a token."""
    _say(host=host, port=port)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # so that the stack is unwound
    with contextlib.ExitStack() as stack:
        secret = None
        if not Settings.names_an_issuer():
            secret = os.environ["BETTER_AUTH_SECRET"] = development.make_secret()
        settings, complaints = Settings.read()
        _refuse_if(complaints)
        configure_logging(settings)
        listener = stack.enter_context(contextlib.closing(_listen(settings, "make run")))
        container = Container(settings=settings)
        _refuse_if(_complaints_of(container.upgrade_schema()))
        app = create_app(container)
        _refuse_app_if(process.exposed(app))
        if secret:
            stack.enter_context(development.secret(secret))
        address = process.address(listener, settings.host)
        token = container.mint_token(secret, **development.USER) if secret else None
        typer.echo(development.welcome(address, token, docs=settings.docs))
        config = uvicorn.Config(app, settings.host, settings.port, **process.UVICORN)
        process.run(config, listener)


@cli.command()
def migrate() -> None:
    """Bring the database's schema up to date."""
    settings, complaints = Settings.read()
    _refuse_if([complaint for complaint in complaints if _is_of_database(complaint)])
    configure_logging(settings)
    _refuse_if(_complaints_of(Container(settings=settings).upgrade_schema()))
    typer.echo("The schema is up to date.")


@cli.command()
def token(
    user_id: User = development.USER["user_id"],
    email: Email = None,
    name: Name = None,
    minutes: Minutes = 60,
) -> None:
    """Mint a token for the development server; refuses where an issuer is configured."""
    secret, complaints = development.signing_secret()
    _refuse_if(complaints)
    lifetime = timedelta(minutes=minutes)
    said = {"user_id": user_id, "email": email, "name": name, "lifetime": lifetime}
    typer.echo(Container.mint_token(secret, **said))


@cli.command(context_settings=inspection.ANY_ARGUMENTS)
def explain(context: typer.Context) -> None:
    """Say why a token is accepted or refused: reads it from standard input, or asks for it."""
    if context.args:
        typer.echo(inspection.as_typed(inspection.NO_ARGUMENTS), err=True)
        raise typer.Exit(MISUSED)
    settings, complaints = development.settings()
    _refuse_if([complaint for complaint in complaints if not _is_of_database(complaint)])
    if development.serves_here():
        typer.echo(development.NOTE)
    configure_logging(inspection.quietened(settings))
    given = inspection.read_token()
    if not given:
        typer.echo(inspection.as_typed(inspection.NOTHING_GIVEN), err=True)
        raise typer.Exit(MISUSED)
    said = asyncio.run(_explain(Container(settings=settings), given))
    typer.echo("\n".join(inspection.describe(said)))
    raise typer.Exit(0 if said.accepted else 1)


@cli.command()
def doctor() -> None:
    """Check settings, keys, clock, database and migrations; say what to do about what is wrong."""
    settings, complaints = development.settings()
    if development.serves_here():
        typer.echo(development.NOTE)
    configure_logging(inspection.quietened(settings))
    findings = [
        *inspection.of_complaints(complaints),
        *asyncio.run(_diagnose(Container(settings=settings), complaints)),
    ]
    typer.echo("\n".join(inspection.examine(findings)))
    raise typer.Exit(1 if any(finding.problem for finding in findings) else 0)


async def _explain(container: Container, token: str) -> Explanation:
    async with container.http_client(), container.jwks_keys() or contextlib.nullcontext():
        explanation: Explanation = await container.token_explainer().explain(token)
        return explanation


async def _diagnose(container: Container, complaints: Sequence[str]) -> list[Finding]:
    findings: list[Finding] = await container.diagnose_issuer()
    if not any(_is_of_database(complaint) for complaint in complaints):
        findings += await container.diagnose_database()
    return findings


def _say(**options: object) -> None:
    """Let options take the place of environment variables, in worker processes too."""
    os.environ |= {name.upper(): str(value) for name, value in options.items() if value is not None}


def _listen(settings: Settings, command: str) -> socket.socket:
    try:
        return process.listen(settings, command=command)
    except ConfigurationError as error:
        _refuse_if(error.complaints)
        raise


def _is_of_database(complaint: str) -> bool:
    return complaint.startswith("DATABASE_U")  # _URL, and what is almost that


def _complaints_of(trial: Coroutine[Any, Any, None]) -> list[str]:
    try:
        asyncio.run(trial)
    except ConfigurationError as error:
        return list(error.complaints)
    return []


def _refuse_if(complaints: Sequence[str]) -> None:
    _refuse("configuration", complaints)


def _refuse_app_if(complaints: Sequence[str]) -> None:
    _refuse("application", complaints)


def _refuse(what: str, complaints: Sequence[str]) -> None:
    if complaints:
        typer.echo(f"The {what} is refused:\n", err=True)
        for complaint in complaints:
            typer.echo(f"  {inspection.as_typed(complaint)}", err=True)
        raise typer.Exit(MISCONFIGURED)
