"""Runs the app in uvicorn: the check of the routes, the options, the processes."""

import contextlib
import functools
import logging
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final

import uvicorn

from backend.container import Container
from backend.entrypoints.http.app import Api, create_app
from backend.entrypoints.http.auth.principal_parameters import (
    WHAT_TO_WRITE,
    PrincipalFromRequestError,
    require_verified_principals,
)
from backend.entrypoints.http.auth.startup_check import (
    HOW_TO_PROTECT,
    UnprotectedRouteError,
    require_protection,
)
from backend.entrypoints.http.metrics.workers import common_folder
from backend.entrypoints.server import limits
from backend.entrypoints.server.connections import Connections
from backend.entrypoints.server.draining import Drain
from backend.entrypoints.server.file_limit import raise_file_limit
from backend.entrypoints.server.listening import address
from backend.entrypoints.server.logs import configure_logging
from backend.entrypoints.server.parent import end_with_parent
from backend.entrypoints.server.protocol import BoundedProtocol
from backend.entrypoints.server.workers import Workers
from backend.settings import Complaint, Settings

APP: Final = "backend.entrypoints.server.process:worker_app"
_UVICORN: Final[dict[str, Any]] = {
    "ws": "none",  # `BoundedProtocol` starts its own WebSockets, with the options below
    "ws_max_size": limits.MESSAGE_MAX_BYTES,
    "ws_ping_interval": limits.PING_INTERVAL,
    "ws_ping_timeout": limits.PONG_TIMEOUT,
    "ws_per_message_deflate": False,  # costs memory; compressed lengths can betray secrets
    "access_log": False,  # entrypoints/http/telemetry.py writes the access log
    "log_config": None,
    "server_header": False,
    "reset_contextvars": True,  # a pipelined request starts in the task of the request before it
    "timeout_graceful_shutdown": 10,
}
_OTHER_FILES: Final = 256  # descriptors for connections above the limit, logs and keys

_UNPROTECTED: Final = "the endpoint takes no principal, so it cannot keep users apart"

_log = logging.getLogger(__name__)


def make_app(settings: Settings) -> Api:
    """Make the app."""
    return create_app(Container(settings=settings))


def app_from_environment() -> Api:
    """Make the app from the environment variables, and configure the log."""
    settings = Settings.load()
    configure_logging(settings)
    return make_app(settings)


def worker_app(make_app: Callable[[], Api] = app_from_environment) -> Api:
    """Make the app of a worker process, which ends when its parent process ends."""
    end_with_parent()
    app = make_app()
    if app.settings.shutdown_delay:
        Drain(app, app.settings.shutdown_delay).install()
    return app


def uvicorn_options(
    *,
    keep_alive: int = 75,
    connections_max: int = limits.CONNECTIONS_MAX,
    proxies: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the options with which uvicorn serves an app of this project.

    Args:
        keep_alive: Seconds between two requests of a connection.
        connections_max: The most connections of each process.
        proxies: The addresses and networks of proxies whose `X-Forwarded-*` headers are believed.
    """
    connections = Connections(maximum=connections_max)
    protocol = functools.partial(BoundedProtocol, connections=connections)
    return {
        **_UVICORN,
        "http": protocol,
        "timeout_keep_alive": keep_alive,
        "proxy_headers": bool(proxies),  # any client could send these headers
        "forwarded_allow_ips": [*proxies],
    }


def unprotected_routes(app: Api) -> list[Complaint]:
    """Complain about routes that are not protected, or that read the principal from a request."""
    complaints = []
    try:
        require_verified_principals(app)
    except PrincipalFromRequestError as error:
        complaints += [
            Complaint(parameter.path, parameter.problem, WHAT_TO_WRITE)
            for parameter in error.parameters
        ]
    try:
        require_protection(app.protection.open_routes)
    except UnprotectedRouteError as error:
        complaints += [Complaint(path, _UNPROTECTED, HOW_TO_PROTECT) for path in error.paths]
    return complaints


def run_app(
    app: Api, settings: Settings, listener: socket.socket, *, shutdown_delay: float = 0
) -> None:
    """Serve an app in this process until a signal stops the server.

    Args:
        app: The app.
        settings: The settings of the app.
        listener: The socket to serve on.
        shutdown_delay: Seconds between SIGTERM and the end of listening.

    Raises:
        SystemExit: The server could not start.
    """

    def start_app() -> Api:  # uvicorn calls this after it has set its signal handlers
        if shutdown_delay:
            Drain(app, shutdown_delay).install()
        return app

    options = _options(settings) | {"workers": 1, "factory": True}
    _run(uvicorn.Config(start_app, settings.host, settings.port, **options), listener)


def run_workers(settings: Settings, listener: socket.socket, *, app: str = APP) -> None:
    """Serve in `settings.workers` processes, two or more, until a signal stops the server.

    Args:
        settings: The settings.
        listener: The socket to serve on.
        app: The import string of the function with which each process makes its own app, from
            the environment variables.

    Raises:
        SystemExit: The server could not start.
    """
    options = settings.model_dump(include={"host", "port", "workers"}) | _options(settings)
    config = uvicorn.Config(app, factory=True, **options)
    with common_folder() if settings.metrics else contextlib.nullcontext():
        _run(config, listener, settings.shutdown_delay)


def _options(settings: Settings) -> dict[str, Any]:
    """Raise the limit of open files, and return the options that depend on it."""
    files = raise_file_limit()
    maximum = max(files - _OTHER_FILES - settings.database_pool_size, files // 2)
    if maximum < limits.CONNECTIONS_MAX:
        _log.warning("only %d connections: raise the limit of open files (ulimit -Hn)", maximum)
    return uvicorn_options(
        keep_alive=settings.keep_alive,
        connections_max=min(maximum, limits.CONNECTIONS_MAX),
        proxies=settings.forwarded_allow_ips,
    )


def _run(config: uvicorn.Config, listener: socket.socket, shutdown_delay: float = 0) -> None:
    _log.info("Uvicorn running on %s (Press CTRL+C to quit)", address(listener, config.host))
    with contextlib.suppress(KeyboardInterrupt):
        if config.workers > 1:
            Workers(config=config, sockets=[listener], shutdown_delay=shutdown_delay).run()
            return
        server = uvicorn.Server(config)
        server.run(sockets=[listener])
        if not server.started:
            raise SystemExit(uvicorn.config.STARTUP_FAILURE)
