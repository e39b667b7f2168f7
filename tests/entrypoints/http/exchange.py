"""Requests to an app in the thread of the test: byte for byte, or by a client that tidies up."""

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
class Answer:
    """What the app sent.

    Attributes:
        status: The status code.
        headers: The headers, in order.
        body: The whole body.
        received: How often the app asked for a piece of the request's body.
    """

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    received: int

    def header(self, name: str) -> str | None:
        """Return a header that is sent once at most."""
        values = [value.decode("latin-1") for key, value in self.headers if key == name.encode()]
        assert len(values) < 2, values
        return values[0] if values else None

    def json(self) -> Any:
        """Return the body, read as JSON."""
        return json.loads(self.body)


async def exchange(
    app: ASGIApp,
    path: bytes | str,
    *,
    method: str = "GET",
    headers: Headers = (),
    body: Iterable[bytes] = (b"",),
    raising: bool = True,
) -> Answer:
    """Send one request and return the answer.

    Args:
        app: The app.
        path: The path and the query.
        method: The method.
        headers: The headers, names in lower case.
        body: The pieces of the body, of which there may be no end.
        raising: Whether to raise what the app raises although it has answered.
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
    pieces, received, sent = iter(body), 0, list[Message]()

    async def receive() -> Message:
        nonlocal received
        received += 1
        piece = next(pieces, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    async def send(message: Message) -> None:
        sent.append(message)

    try:
        await app(scope, receive, send)
    except Exception:
        if raising or not sent:
            raise
    start, *rest = sent
    return Answer(
        status=start["status"],
        headers=tuple((bytes(name).lower(), bytes(value)) for name, value in start["headers"]),
        body=b"".join(message.get("body", b"") for message in rest),
        received=received,
    )


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[None]:
    """Keep an app started, as a server does."""
    async with app.router.lifespan_context(app):  # type: ignore[attr-defined]  # every app has it
        yield


class AppTransport(httpx2.BaseTransport):
    """Carries a client's requests to an app, one at a time and without a thread.

    Args:
        app: The app.
        runner: Where the app runs.
        raising: Whether to raise what the app raises although it has answered.
    """

    def __init__(self, app: ASGIApp, runner: asyncio.Runner, *, raising: bool = True) -> None:
        self._app = app
        self._runner = runner
        self._raising = raising

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request and return the answer."""
        answer = self._runner.run(
            exchange(
                self._app,
                request.url.raw_path,
                method=request.method,
                headers=[(name.lower(), value) for name, value in request.headers.raw],
                body=[request.read()],
                raising=self._raising,
            )
        )
        return httpx2.Response(answer.status, headers=list(answer.headers), content=answer.body)
