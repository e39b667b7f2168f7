"""The app behind a real server, as `serve` runs it, and bytes to send to it."""

import contextlib
import socket
import threading
import time
from typing import Any, Self

import uvicorn
from fastapi import FastAPI

from backend.entrypoints.server.process import UVICORN


class Server(uvicorn.Server):
    """A real server, in a thread of its own."""

    def __init__(self, app: FastAPI, **options: Any) -> None:
        super().__init__(uvicorn.Config(app, port=0, **UVICORN, **options))
        self._thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        while not self.started:
            time.sleep(0.005)
        return self

    def __exit__(self, *_: object) -> None:
        self.should_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive()

    def connect(self, *, receiving: int | None = None) -> socket.socket:
        """Open a connection, which takes in about as many bytes as it is told before it is read."""
        (address,) = {one.getsockname() for server in self.servers for one in server.sockets}
        connection = socket.socket()
        connection.settimeout(30)
        if receiving is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receiving)
        connection.connect(address)
        return connection

    def ask(self, request: bytes, *, more: bytes = b"") -> bytes:
        """Send bytes, and return what is answered until the server closes or is silent."""
        with self.connect() as connection:
            connection.sendall(request)
            answer = bytearray()
            with contextlib.suppress(ConnectionError):
                while b"\r\n\r\n" not in answer and (piece := connection.recv(65_536)):
                    answer += piece
                    if more:
                        connection.sendall(more)
            return bytes(answer)


def request(head: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join([head + b" HTTP/1.1", b"Host: localhost", *headers, b"", b""])
