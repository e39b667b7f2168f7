"""The app of a development server, with its start page."""

import functools
import socket
from collections.abc import Callable
from typing import Final

from backend.container import Container
from backend.entrypoints.cli import development
from backend.entrypoints.cli.exits import exit_if_unprotected, with_local_command
from backend.entrypoints.http.app import create_app
from backend.entrypoints.http.pages.start_page import StartPage
from backend.entrypoints.server import process
from backend.entrypoints.server.logs import configure_logging

_SEVERAL_ISSUERS: Final = "every issuer in AUTH_TRUSTED_ISSUERS"


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
    issuer = _SEVERAL_ISSUERS if settings.auth_trusted_issuers else settings.issuer_url
    start_page = StartPage(command=command, issuer=issuer, make_token=make_token)
    app = create_app(container, start_page=start_page.routes)
    exit_if_unprotected(process.unprotected_routes(app))
    return functools.partial(process.run_app, app, settings, listener)
