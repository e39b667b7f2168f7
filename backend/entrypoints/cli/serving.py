"""The commands that serve the API: `serve` in production, `dev` on a developer's machine."""

import contextlib
import functools
import os
import signal
import socket
import sys
from typing import Annotated

import typer

from backend.container import Container
from backend.entrypoints.cli import development
from backend.entrypoints.cli.env_files import EnvFile, export_variables
from backend.entrypoints.cli.exits import (
    complaints_of,
    exit_if_misconfigured,
    exit_if_unprotected,
    log_warnings,
    with_local_command,
)
from backend.entrypoints.http.app import create_app
from backend.entrypoints.http.pages.start_page import StartPage
from backend.entrypoints.http.todos import routes as todos
from backend.entrypoints.server import process
from backend.entrypoints.server.logs import configure_logging
from backend.settings import Complaint, ConfigurationError, Settings

Host = Annotated[str | None, typer.Option(help="The address to listen on, instead of HOST.")]
Port = Annotated[int | None, typer.Option(help="The port to listen on, instead of PORT.")]
Workers = Annotated[
    int | None, typer.Option(help="The number of worker processes, instead of WORKERS.")
]


def serve(
    host: Host = None, port: Port = None, workers: Workers = None, env_file: EnvFile = None
) -> None:
    """Serve in production. Refuses to start unless everything is configured."""
    export_variables(env_file, development=False)
    settings, complaints = _read_settings(host=host, port=port, workers=workers)
    configure_logging(settings)
    if not any(complaint.concerns("DATABASE_URL") for complaint in complaints):
        complaints += complaints_of(Container(settings=settings).check_schema())
    exit_if_misconfigured(complaints)
    log_warnings(complaints)
    exit_if_unprotected(process.unprotected_routes(process.app_from_environment()))
    with _listen(settings) as listener:
        process.run_workers(settings, listener)


def dev(host: Host = None, port: Port = None, env_file: EnvFile = None) -> None:
    """Serve for development: migrate first; without an issuer, make a secret and a token.

    Reads the file .env of this folder, unless --env-file names another file.
    """
    export_variables(env_file, development=True)
    # Exit with an exception, so that the secret file is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with contextlib.ExitStack() as stack:
        secret = None
        if not Settings.names_an_issuer():
            secret = os.environ["BETTER_AUTH_SECRET"] = development.make_secret()
        settings, complaints = _read_settings(host=host, port=port)
        exit_if_misconfigured(complaints)
        if settings.docs is None:
            settings = settings.model_copy(update={"docs": True})
        configure_logging(settings)
        log_warnings(complaints)
        listener = stack.enter_context(_listen(settings))
        container = Container(settings=settings)
        exit_if_misconfigured(complaints_of(container.upgrade_schema()))
        make_token = None
        if secret:
            scope = " ".join(todos.SCOPES) if settings.auth_require_scopes else None
            make_token = functools.partial(
                container.mint_token, secret, **development.USER, scope=scope
            )
        command = with_local_command("python -m backend")
        start_page = StartPage(command=command, make_token=make_token)
        app = create_app(container, start_page=start_page)
        exit_if_unprotected(process.unprotected_routes(app))
        token = make_token() if make_token else None
        if secret:
            stack.enter_context(development.secret_file(secret))
        address = process.address(listener, settings.host)
        typer.echo(development.welcome(address, token, docs=bool(settings.docs)))
        process.run_app(app, settings, listener)


def _read_settings(**options: object) -> tuple[Settings, list[Complaint]]:
    """Read the settings, with the options of the command line in place of their variables.

    The options are exported as environment variables, so that worker processes see them.
    """
    texts = {name: str(value) for name, value in options.items() if value is not None}
    os.environ |= {name.upper(): text for name, text in texts.items()}
    return Settings.read(**{name: text for name, text in texts.items() if text})


def _listen(settings: Settings) -> contextlib.closing[socket.socket]:
    try:
        return contextlib.closing(process.listen(settings))
    except ConfigurationError as error:
        exit_if_misconfigured(error.complaints)
        raise
