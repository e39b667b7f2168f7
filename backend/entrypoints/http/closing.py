"""Responses that ask clients to close the connection, while the server is about to stop."""

from collections.abc import Awaitable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_CLOSE: Final = (b"connection", b"close")


class ClosingResponses:
    """Pure ASGI middleware that adds `Connection: close` to every response.

    A proxy then opens its next connection to another server. Without the header, the proxy might
    send a request on a connection that the server closes at that moment.

    Args:
        app: The ASGI app to serve.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve a request or a WebSocket."""

        def send_closing(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                headers = [header for header in message["headers"] if header[0] != _CLOSE[0]]
                message["headers"] = [*headers, _CLOSE]
            return send(message)

        return self._app(scope, receive, send_closing)
