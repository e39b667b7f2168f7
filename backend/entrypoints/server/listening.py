"""The listening socket of the server."""

import errno
import socket
from typing import Final

from backend.settings import Complaint, ConfigurationError, Settings
from backend.settings.origins import PORT_MAX

_CHOOSE_HOST: Final = "Set it to 127.0.0.1, or to 0.0.0.0 to listen on every address."


def listen(settings: Settings) -> socket.socket:
    """Listen on the address of the settings. Connections wait until a server accepts them.

    Raises:
        ConfigurationError: The port is in use or not permitted, or the host is not this machine.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen()
    except (OSError, UnicodeError) as error:
        listener.close()
        raise ConfigurationError([_listen_complaint(error, settings.port)]) from None
    listener.set_inheritable(True)
    return listener


def address(listener: socket.socket, host: str) -> str:
    """Return the URL of the server behind a listening socket."""
    port = listener.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _listen_complaint(error: OSError | UnicodeError, port: int) -> Complaint:
    match error:
        case OSError(errno=errno.EADDRINUSE):
            other = port % PORT_MAX + 1
            remedy = f"Choose another port, for example PORT={other}."
            return Complaint("PORT", f"{port} is already in use", remedy)
        case OSError(errno=errno.EACCES):
            problem = f"only an administrator may listen on port {port}"
            return Complaint("PORT", problem, "Choose a port from 1024 to 65535.")
    return Complaint("HOST", "not an address of this machine", _CHOOSE_HOST)
