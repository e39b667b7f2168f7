"""The commands that serve the API: `serve` in production, `dev` on a developer's machine."""

import contextlib
import os
import signal
import socket
import sys
from typing import Annotated

import typer

from backend.container import Container
from backend.entrypoints.cli import development
from backend.entrypoints.cli.exits import (
    complaints_of,
    exit_if_misconfigured,
    exit_if_unprotected,
)
from backend.entrypoints.http.app import create_app
from backend.entrypoints.server import process
from backend.entrypoints.server.logs import configure_logging
from backend.settings import ConfigurationError, Settings

Host = Annotated[str | None, typer.Option(help="The address to listen on, instead of HOST.")]
Port = Annotated[int | None, typer.Option(help="The port to listen on, instead of PORT.")]
Workers = Annotated[
    int | None, typer.Option(help="The number of worker processes, instead of WORKERS.")
]


def serve(host: Host = None, port: Port = None, workers: Workers = None) -> None:
    """Serve in production. Refuses to start unless everything is configured."""
    _export_options(host=host, port=port, workers=workers)
    settings, complaints = Settings.read()
    configure_logging(settings)
    if not any(complaint.concerns("DATABASE_URL") for complaint in complaints):
        complaints += complaints_of(Container(settings=settings).check_schema())
    exit_if_misconfigured(complaints)
    exit_if_unprotected(process.unprotected_routes(process.app_from_environment()))
    with _listen(settings) as listener:
        process.run_workers(settings, listener)


def dev(host: Host = None, port: Port = None) -> None:
    """Serve for development: migrate first; without an issuer, make a secret and a token."""
    _export_options(host=host, port=port)
    # Exit with an exception, so that the secret file is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with contextlib.ExitStack() as stack:
        secret = None
        if not Settings.names_an_issuer():
            secret = os.environ["BETTER_AUTH_SECRET"] = development.make_secret()
        settings, complaints = Settings.read()
        exit_if_misconfigured(complaints)
        if settings.docs is None:
            settings = settings.model_copy(update={"docs": True})
        configure_logging(settings)
        listener = stack.enter_context(_listen(settings))
        container = Container(settings=settings)
        exit_if_misconfigured(complaints_of(container.upgrade_schema()))
        app = create_app(container)
        exit_if_unprotected(process.unprotected_routes(app))
        token = None
        if secret:
            stack.enter_context(development.secret_file(secret))
            token = container.mint_token(secret, **development.USER)
        address = process.address(listener, settings.host)
        typer.echo(development.welcome(address, token, docs=bool(settings.docs)))
        process.run_app(app, settings, listener)


def _export_options(**options: object) -> None:
    """Export command-line options as environment variables, so that worker processes see them."""
    os.environ |= {name.upper(): str(value) for name, value in options.items() if value is not None}


def _listen(settings: Settings) -> contextlib.closing[socket.socket]:
    try:
        return contextlib.closing(process.listen(settings))
    except ConfigurationError as error:
        exit_if_misconfigured(error.complaints)
        raise
