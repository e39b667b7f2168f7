"""Serves the API in production."""

from collections.abc import Callable
from pathlib import Path

import typer

from backend.container import Container
from backend.entrypoints.cli.env_files import NOT_READ, export_variables, is_unread
from backend.entrypoints.cli.exits import (
    complaints_of,
    exit_as_misused,
    exit_if_misconfigured,
    exit_if_unprotected,
    log_warnings,
)
from backend.entrypoints.cli.server_settings import listen, read_settings
from backend.entrypoints.http.app import Api
from backend.entrypoints.server import process
from backend.entrypoints.server.logs import configure_logging
from backend.settings import Settings


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
    settings = _read_complete_settings(env_file, host=host, port=port, workers=workers)
    _serve(process.make_app, settings, process.APP)


def mcp(*, host: str | None, port: int | None, workers: int | None, env_file: Path | None) -> None:
    """Serve todos to assistants until a signal stops the server; see `serve`."""
    try:
        from backend.entrypoints.mcp import process as mcp_process  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        exit_as_misused(
            f"The MCP server needs packages that are not installed, such as {error.name}.\n"
            "Install them: python -m pip install 'secured-todo-api[mcp,server]'"
        )
    settings = _read_complete_settings(env_file, host=host, port=port, workers=workers)
    _serve(mcp_process.make_app, settings, mcp_process.APP)


def _read_complete_settings(env_file: Path | None, **options: object) -> Settings:
    """Read the settings; exit unless they are complete and the database can be used."""
    export_variables(env_file, development=False)
    settings, complaints = read_settings(**options)
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
    return settings


def _serve(make_app: Callable[[Settings], Api], settings: Settings, worker_app: str) -> None:
    """Serve an app in this process, or in workers that make their own."""
    app = make_app(settings)
    exit_if_unprotected(process.unprotected_routes(app))
    with listen(settings) as listener:
        if settings.workers == 1:
            delay = settings.shutdown_delay
            process.run_app(app, settings, listener, shutdown_delay=delay)
        else:
            process.run_workers(settings, listener, app=worker_app)
