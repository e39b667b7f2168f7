"""WebSockets: credentials of the handshake, and the end of a connection whose credential expires.

A browser cannot set the headers of a WebSocket, so its token may come as a subprotocol:

    new WebSocket(url, ["bearer", token])

`move_bearer_token` makes an `Authorization` header of that token. So the token is read and verified
like the token of any request, and the app does not see it among the subprotocols.
"""

import asyncio
import contextlib
import string
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SUBPROTOCOL: Final = "bearer"
EXPIRED: Final = 3000  # "Unauthorized" in IANA's registry of close codes (RFC 6455, section 11.7)
EXPIRED_REASON: Final = "token_expired"
CHECK_INTERVAL: Final = 10.0  # seconds; a timer stands still while the machine is suspended
CLOSE_TIMEOUT: Final = 5.0  # seconds for a client to read what is sent before the close frame

_HEADER: Final = b"sec-websocket-protocol"
# What a subprotocol (RFC 6455, section 4.1) and a bearer token (RFC 6750, section 2.1) may hold.
_TOKEN_CHARACTERS: Final = frozenset(string.ascii_letters + string.digits + "-._~+")


def move_bearer_token(scope: Scope) -> bool:
    """Move the token from the subprotocols of a handshake to an `Authorization` header.

    The token is the subprotocol after `bearer`. If it is missing or malformed, the header is
    malformed too. If there is an `Authorization` header already, the handshake has two of them.

    Args:
        scope: The scope of a WebSocket. It is changed in place.

    Returns:
        Whether the client offered `bearer`. The server must then select a subprotocol, because
        browsers close a connection without one (WHATWG WebSockets, section 4.1).
    """
    offered: list[str] = list(scope.get("subprotocols") or ())
    if SUBPROTOCOL not in offered:
        return False
    position = offered.index(SUBPROTOCOL)
    token = "".join(offered[position + 1 : position + 2])
    if offered.count(SUBPROTOCOL) == 1 and _TOKEN_CHARACTERS.issuperset(token):
        del offered[position : position + 2]
    else:
        token, offered = "", []  # any of them may be a token
    headers = [header for header in scope["headers"] if header[0] != _HEADER]
    if offered:
        headers.append((_HEADER, ", ".join(offered).encode("latin-1")))
    headers.append((b"authorization", f"Bearer {token}".encode("ascii")))
    scope["subprotocols"], scope["headers"] = offered, headers
    return True


class GuardedWebSocket:
    """The messages of one WebSocket, which ends when the credential of its user expires.

    At that moment the client gets a close frame, a waiting `receive` returns
    `websocket.disconnect`, and every later message to send raises `OSError`. The app need not
    wait for messages, or send any.

    Args:
        receive: The ASGI receive of the server.
        send: The ASGI send of the server.
        selects_bearer: Whether to select the subprotocol `bearer` if the app selects none.
        expires_at: Called when the app accepts the connection: the time at which to close it, in
            seconds since the epoch; None to leave it open.
        clock: The time, in seconds since the epoch.
    """

    def __init__(
        self,
        receive: Receive,
        send: Send,
        *,
        selects_bearer: bool,
        expires_at: Callable[[], float | None],
        clock: Callable[[], float],
    ) -> None:
        self._receive = receive
        self._send = send
        self._selects_bearer = selects_bearer
        self._expires_at = expires_at
        self._clock = clock
        self._deadline: float | None = None  # None before the connection is open, and at its end
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: set[asyncio.Timeout] = set()
        self._closing: asyncio.Task[None] | None = None

    async def serve(self, app: ASGIApp, scope: Scope) -> None:
        """Run an app with the messages of this WebSocket."""
        try:
            await app(scope, self.receive, self.send)
        finally:
            self._stop()
            if self._closing is not None:
                await _finish(self._closing)

    async def receive(self) -> Message:
        """Return the next message of the client, or the end of the connection."""
        if self._closing is not None:
            return _disconnect()
        # Not a task for each message: a timeout interrupts the server's own `receive`.
        timeout = asyncio.timeout(None)
        try:
            async with timeout:
                self._waiting.add(timeout)
                message = await self._receive()
        except TimeoutError:
            if not timeout.expired():
                raise
            return _disconnect()
        finally:
            self._waiting.discard(timeout)
        if message["type"] == "websocket.disconnect":
            self._stop()
        elif self._close_if_expired():
            return _disconnect()
        return message

    async def send(self, message: Message) -> None:
        """Send a message of the app.

        Raises:
            OSError: The connection was closed because the credential has expired. Starlette makes
                a `WebSocketDisconnect` of it.
        """
        kind = message["type"]
        if self._close_if_expired():
            if kind == "websocket.close":
                return
            raise OSError("the credential has expired")
        if kind == "websocket.accept":
            if self._selects_bearer and message.get("subprotocol") is None:
                message = {**message, "subprotocol": SUBPROTOCOL}
            await self._send(message)
            self._start()
            return
        if kind == "websocket.close":
            self._stop()
        await self._send(message)

    def _start(self) -> None:
        self._deadline = self._expires_at()
        self._check()

    def _stop(self) -> None:
        self._deadline = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        """Close the connection if its credential has expired; else look again later."""
        if self._deadline is not None and not self._close_if_expired():
            # Not longer than an interval: clocks are set, machines are suspended, and a timer
            # cannot wait until the year 9999.
            seconds = min(self._deadline - self._clock(), CHECK_INTERVAL)
            self._timer = asyncio.get_running_loop().call_later(seconds, self._check)

    def _close_if_expired(self) -> bool:
        """Close the connection if its credential has expired; tell whether it has."""
        if self._deadline is not None and self._clock() >= self._deadline:
            self._stop()
            loop = asyncio.get_running_loop()
            self._closing = loop.create_task(self._close())
            for timeout in self._waiting:
                timeout.reschedule(loop.time())
        return self._closing is not None

    async def _close(self) -> None:
        with contextlib.suppress(OSError, RuntimeError):  # the connection is closed already
            await self._send({"type": "websocket.close", "code": EXPIRED, "reason": EXPIRED_REASON})


def _disconnect() -> Message:
    return {"type": "websocket.disconnect", "code": EXPIRED, "reason": EXPIRED_REASON}


async def _finish(closing: Awaitable[None]) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await closing
