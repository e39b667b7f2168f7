"""Apps and readers for tests with real connections."""

import asyncio
import contextlib
import socket
import time
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response

from backend.adapters.persistence.memory import InMemoryDatabase
from backend.container import Container
from backend.domain.auth import Principal
from backend.entrypoints.http.app import create_app
from backend.settings import Settings
from backend.testing.fakes import FakeTokenVerifier


class SlowVerifier(FakeTokenVerifier):
    """Takes some time, like a verifier that has to fetch keys."""

    seconds = 0.3

    async def verify(self, token: str, /) -> Principal:
        await asyncio.sleep(self.seconds)
        return await super().verify(token)


def app_with(
    verifier: FakeTokenVerifier, *, public: tuple[str, ...] = (), **more_parts: Any
) -> FastAPI:
    """Return the API with a verifier, todos in memory, public paths and other parts."""
    settings = Settings.load(better_auth_secret="s" * 32)
    parts = {"token_verifier": verifier, "database": InMemoryDatabase(), **more_parts}
    return create_app(Container(settings=settings, **parts), public=public)


def echo_app() -> FastAPI:
    """Return the API with routes that return the request, and that return many bytes."""
    app = app_with(FakeTokenVerifier(), public=("/echo", "/next", "/long"))

    async def echo(request: Request) -> Response:
        body = await request.body()
        return PlainTextResponse(
            b"%b %b %b" % (request.method.encode(), request.url.path.encode(), body)
        )

    async def long(request: Request) -> Response:
        return PlainTextResponse("x" * int(request.query_params["bytes"]))

    for path in ("/echo", "/next"):
        app.add_api_route(path, echo, methods=["GET", "POST"])
    app.add_api_route("/long", long)
    return app


def receive_all(connection: socket.socket) -> bytes:
    """Return everything that the server sends until it closes the connection."""
    received = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while data := connection.recv(65_536):
            received += data
    return bytes(received)


def assert_closed_soon(connection: socket.socket) -> None:
    """Check that the server closes the connection within 3 s."""
    started = time.monotonic()
    receive_all(connection)
    assert time.monotonic() - started < 3
