"""Serving: the place to listen, the routes that may be served, and the processes that serve."""

import contextlib
import errno
import logging
import socket
from typing import Any, Final

import uvicorn
from uvicorn.supervisors import Multiprocess

from backend.container import Container
from backend.entrypoints.http.app import Api, create_app
from backend.entrypoints.http.auth.startup_check import UnprotectedRouteError, require_protection
from backend.entrypoints.server.logs import configure_logging
from backend.entrypoints.server.protocol import BoundedProtocol
from backend.settings import ConfigurationError, Settings

APP: Final = "backend.entrypoints.server.process:app_from_environment"
UVICORN: Final[dict[str, Any]] = {
    "http": BoundedProtocol,
    "ws": "none",
    "access_log": False,  # the access log is ours, off the hot path
    "log_config": None,
    "server_header": False,
    "timeout_graceful_shutdown": 10,
}

_TAKEN: Final = "PORT: {port} is taken. Set it to another one, e.g. PORT={other} {command}."
_FORBIDDEN: Final = "PORT: {port} is for administrators only. Set it to 1024 or above."
_NO_ADDRESS: Final = (
    "HOST: not an address of this machine. Set it to 127.0.0.1, or to 0.0.0.0 for all that it has."
)
_EXPOSED: Final = (
    "{path}: everybody could call it. Put it on an APIRouter(route_class=ProtectedRoute) and let it"
    " take a CurrentPrincipal, or list it as PUBLIC in backend/entrypoints/http/app.py."
)

_log = logging.getLogger(__name__)


def app_from_environment() -> Api:
    """Make the application that the environment describes: what each server process runs."""
    container = Container()
    configure_logging(container.settings())
    return create_app(container)


def listen(settings: Settings, *, command: str) -> socket.socket:
    """Take the place to listen: whoever connects from now on waits until there is a server.

    Args:
        settings: Say where.
        command: What was started, to show how it is started elsewhere.

    Raises:
        ConfigurationError: It is taken, or cannot be had.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen()
    except (OSError, UnicodeError) as error:
        listener.close()
        raise ConfigurationError([_complaint(error, settings.port, command)]) from None
    listener.set_inheritable(True)
    return listener


def address(listener: socket.socket, host: str) -> str:
    """Return the URL of a server that listens there."""
    port = listener.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def exposed(app: Api) -> list[str]:
    """Complain of the routes that everybody could call by mistake."""
    try:
        require_protection(app, public=app.state.public)
    except UnprotectedRouteError as error:
        return [_EXPOSED.format(path=path) for path in error.paths]
    return []


def run(config: uvicorn.Config, listener: socket.socket) -> None:
    """Serve until asked to stop."""
    where = address(listener, config.host)
    _log.info("Uvicorn running on %s (Press CTRL+C to quit)", where)
    with contextlib.suppress(KeyboardInterrupt):
        if config.workers > 1:
            Multiprocess(config, sockets=[listener]).run()
            return
        server = uvicorn.Server(config)
        server.run(sockets=[listener])
        if not server.started:
            raise SystemExit(uvicorn.config.STARTUP_FAILURE)


def _complaint(error: OSError | UnicodeError, port: int, command: str) -> str:
    number = error.errno if isinstance(error, OSError) else None
    template = {errno.EADDRINUSE: _TAKEN, errno.EACCES: _FORBIDDEN}.get(number or 0, _NO_ADDRESS)
    return template.format(port=port, other=port % 65_535 + 1, command=command)
