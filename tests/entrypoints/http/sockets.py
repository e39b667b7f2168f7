"""The app on a real server with the options of `serve`, and raw requests to send to it."""

import contextlib
import socket
import threading
import time
from typing import Any, Self

import uvicorn
from fastapi import FastAPI

from backend.entrypoints.server.process import uvicorn_options


class Server(uvicorn.Server):
    """A uvicorn server in a thread."""

    def __init__(self, app: FastAPI, **options: Any) -> None:
        super().__init__(uvicorn.Config(app, port=0, **uvicorn_options(**options)))
        self._thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        while not self.started:
            assert self._thread.is_alive(), "the server did not start"
            time.sleep(0.005)
        return self

    def __exit__(self, *_: object) -> None:
        self.should_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive()

    def connect(self, *, receive_buffer: int | None = None) -> socket.socket:
        """Open a connection.

        Args:
            receive_buffer: The size of the client's receive buffer, in bytes (approximate).
        """
        (address,) = {
            listener.getsockname() for server in self.servers for listener in server.sockets
        }
        connection = socket.socket()
        connection.settimeout(30)
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.connect(address)
        return connection

    def ask(self, request: bytes, *, more: bytes = b"") -> bytes:
        """Send a request and return the response, up to the end of its head or the connection.

        Args:
            request: The bytes to send.
            more: Bytes to send after each part of the response.
        """
        with self.connect() as connection:
            connection.sendall(request)
            response = bytearray()
            with contextlib.suppress(ConnectionError):
                while b"\r\n\r\n" not in response and (data := connection.recv(65_536)):
                    response += data
                    if more:
                        connection.sendall(more)
            return bytes(response)


def request(head: bytes, *headers: bytes) -> bytes:
    """Return the bytes of a request.

    Args:
        head: Method and path, for example `GET /api/me`.
        headers: Header lines, without line breaks.
    """
    return b"\r\n".join([head + b" HTTP/1.1", b"Host: localhost", *headers, b"", b""])
