"""Sends requests to an app without a server: raw bytes to the ASGI app, or through httpx2."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import httpx2
from starlette.types import ASGIApp, Message

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawResponse:
    """The response that an app sent.

    Attributes:
        status: The status code.
        headers: The headers, names in lower case, in the order in which they were sent.
        body: The whole body.
        received: How many times the app called `receive`.
    """

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    received: int

    def header(self, name: str) -> str | None:
        """Return the value of a header that must not be sent twice; None if it was not sent."""
        values = [value.decode("latin-1") for key, value in self.headers if key == name.encode()]
        assert len(values) < 2, values
        return values[0] if values else None

    def json(self) -> Any:
        """Return the body, parsed as JSON."""
        return json.loads(self.body)


async def send_request(
    app: ASGIApp,
    path: bytes | str,
    *,
    method: str = "GET",
    headers: Headers = (),
    body: Iterable[bytes] = (b"",),
    raising: bool = True,
) -> RawResponse:
    """Send a request to an app and return the response.

    Args:
        app: The app.
        path: The path and the query.
        method: The method.
        headers: The headers, names in lower case.
        body: The chunks of the body; there may be infinitely many.
        raising: Whether to raise an error that the app raises after it has responded.
    """
    path = path.encode() if isinstance(path, str) else path
    raw_path, _, query = path.partition(b"?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(raw_path.decode(errors="replace")),
        "raw_path": raw_path,
        "query_string": query,
        "root_path": "",
        "headers": list(headers),
        "client": ("192.0.2.1", 1234),
        "server": ("192.0.2.2", 80),
        "state": {},
    }
    chunks, received, sent = iter(body), 0, list[Message]()

    async def receive() -> Message:
        nonlocal received
        received += 1
        chunk = next(chunks, None)
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

    async def send(message: Message) -> None:
        sent.append(message)

    try:
        await app(scope, receive, send)
    except Exception:
        if raising or not sent:
            raise
    start, *rest = sent
    return RawResponse(
        status=start["status"],
        headers=tuple((bytes(name).lower(), bytes(value)) for name, value in start["headers"]),
        body=b"".join(message.get("body", b"") for message in rest),
        received=received,
    )


@asynccontextmanager
async def app_lifespan(app: ASGIApp) -> AsyncIterator[None]:
    """Start an app on entry and stop it on exit, as a server does."""
    async with app.router.lifespan_context(app):  # type: ignore[attr-defined]  # a FastAPI app
        yield


class AppTransport(httpx2.BaseTransport):
    """An httpx2 transport that sends requests to an app, in the current thread.

    Args:
        app: The app.
        runner: Runs the app.
        raising: Whether to raise an error that the app raises after it has responded.
    """

    def __init__(self, app: ASGIApp, runner: asyncio.Runner, *, raising: bool = True) -> None:
        self._app = app
        self._runner = runner
        self._raising = raising

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and return the response."""
        response = self._runner.run(
            send_request(
                self._app,
                request.url.raw_path,
                method=request.method,
                headers=[(name.lower(), value) for name, value in request.headers.raw],
                body=[request.read()],
                raising=self._raising,
            )
        )
        return httpx2.Response(
            response.status, headers=list(response.headers), content=response.body
        )
