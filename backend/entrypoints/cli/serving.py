"""Serves the API: in production, and in the process of a development server."""

import functools
import socket
from collections.abc import Callable
from pathlib import Path

import typer

from backend.container import Container
from backend.entrypoints.cli import development
from backend.entrypoints.cli.env_files import NOT_READ, export_variables, is_unread
from backend.entrypoints.cli.exits import (
    complaints_of,
    exit_if_misconfigured,
    exit_if_unprotected,
    log_warnings,
    with_local_command,
)
from backend.entrypoints.cli.server_settings import listen, read_settings
from backend.entrypoints.http.app import create_app
from backend.entrypoints.http.pages.start_page import StartPage
from backend.entrypoints.server import process
from backend.entrypoints.server.logs import configure_logging


def serve(
    *, host: str | None, port: int | None, workers: int | None, env_file: Path | None
) -> None:
    """Serve in production until a signal stops the server; exit unless everything is configured.

    Args:
        host: The address to listen on, instead of HOST.
        port: The port to listen on, instead of PORT.
        workers: The number of worker processes, instead of WORKERS.
        env_file: The file of the option `--env-file`.
    """
    export_variables(env_file, development=False)
    settings, complaints = read_settings(host=host, port=port, workers=workers)
    configure_logging(settings)
    if complaints and is_unread(env_file):
        typer.echo(NOT_READ, err=True)
    if not any(complaint.concerns("DATABASE_URL") for complaint in complaints):
        container = Container(settings=settings)
        complaints += complaints_of(container.check_schema()) or complaints_of(
            container.check_revocation()
        )
    exit_if_misconfigured(complaints)
    log_warnings(complaints)
    app = process.app_from_environment()
    exit_if_unprotected(process.unprotected_routes(app))
    with listen(settings) as listener:
        if settings.workers == 1:
            delay = settings.shutdown_delay
            process.run_app(app, settings, listener, shutdown_delay=delay)
        else:
            process.run_workers(settings, listener)


def prepare(listener: socket.socket, secret: str | None) -> Callable[[], None]:
    """Make the app of a development server, and exit if it has unprotected routes.

    Args:
        listener: The socket to serve on.
        secret: The secret that this folder keeps; None if an issuer is configured.

    Returns:
        A function that serves in this process until a signal stops the server.
    """
    container = Container()
    settings = container.settings()
    configure_logging(settings)
    make_token = functools.partial(development.mint_token, secret, settings) if secret else None
    command = with_local_command("python -m backend")
    app = create_app(container, start_page=StartPage(command=command, make_token=make_token))
    exit_if_unprotected(process.unprotected_routes(app))
    return functools.partial(process.run_app, app, settings, listener)
