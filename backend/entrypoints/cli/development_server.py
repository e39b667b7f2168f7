"""The server of development mode: it restarts in a new process when the program changes."""

import contextlib
import functools
import logging
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final

import typer

import backend
from backend.container import Container
from backend.entrypoints.cli import development, secret_file
from backend.entrypoints.cli.env_files import export_variables
from backend.entrypoints.cli.exits import complaints_of, exit_if_misconfigured, log_warnings
from backend.entrypoints.cli.server_settings import listen, read_settings
from backend.entrypoints.server.listening import address
from backend.entrypoints.server.logs import configure_logging
from backend.entrypoints.server.parent import end_with_parent
from backend.entrypoints.server.reloading import Reloader
from backend.settings import Complaint, Settings

_PROGRAM: Final = Path(backend.__file__).parent

_log = logging.getLogger(__name__)


def dev(*, host: str | None, port: int | None, env_file: Path | None, reload: bool) -> None:
    """Serve for development until a signal stops the server; exit if the settings are invalid.

    Args:
        host: The address to listen on, instead of HOST.
        port: The port to listen on, instead of PORT.
        env_file: The file of the option `--env-file`.
        reload: Whether to restart the server when a file of the program changes.
    """
    # Exit with an exception, so that the process of the server ends too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    settings_file = export_variables(env_file, development=True)
    secret = None
    if not Settings.names_an_issuer():
        secret = secret_file.read_secret() or secret_file.make_secret()
        os.environ["BETTER_AUTH_SECRET"] = secret
    settings, complaints = read_settings(host=host, port=port)
    exit_if_misconfigured(complaints)
    if settings.docs is None:
        settings = settings.model_copy(update={"docs": True})
        os.environ["DOCS"] = "on"  # for the process of the server
    configure_logging(settings)
    log_warnings(complaints)
    with listen(settings) as listener:
        exit_if_misconfigured(complaints_of(Container(settings=settings).migrate_schema()))
        serve_once = None if reload else _load_server(listener, secret)
        if secret:
            _keep(secret)
        welcome = development.welcome(
            address(listener, settings.host),
            development.mint_token(secret, settings) if secret else None,
            docs=bool(settings.docs),
            reload=reload,
            settings_file=settings_file,
        )
        typer.echo(welcome)
        if serve_once:
            serve_once()
            return
        target = functools.partial(serve_process, secret)
        Reloader(target, listener, folder=_PROGRAM, settings_file=settings_file).run()


def serve_process(secret: str | None, listener: socket.socket) -> None:
    """Serve in a process that the reloader starts. The process imports the current program.

    Args:
        secret: The secret that this folder keeps; None if an issuer is configured.
        listener: The socket to serve on.
    """
    end_with_parent()
    with contextlib.suppress(KeyboardInterrupt):
        try:
            _load_server(listener, secret)()
        except SyntaxError as error:
            sys.exit("".join(traceback.format_exception_only(error)))
        except typer.Exit as error:
            sys.exit(error.exit_code)


def _load_server(listener: socket.socket, secret: str | None) -> Callable[[], None]:
    # The process of the reloader does not need the app. Importing the app here lets
    # `serve_process` report a syntax error in a file of the app.
    from backend.entrypoints.cli.development_app import prepare  # noqa: PLC0415 - see above

    return prepare(listener, secret)


def _keep(secret: str) -> None:
    if secret_file.is_unusable():
        _log.warning(secret_file.REPLACED)
    try:
        secret_file.keep_secret(secret)
    except OSError as error:
        problem = f"the secret cannot be kept: {error.strerror}"
        remedy = "Remove the file or folder with this name, and make the folder writable."
        exit_if_misconfigured([Complaint(str(secret_file.SECRET_FILE), problem, remedy)])
