"""Closes a WebSocket when the credential of its user expires."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.entrypoints.http.auth.subprotocols import BEARER

EXPIRED: Final = 3000  # "Unauthorized" in IANA's registry of close codes (RFC 6455, section 11.7)
EXPIRED_REASON: Final = "token_expired"
CHECK_INTERVAL: Final = 10.0  # seconds; timers stop while the machine is suspended
CLOSE_TIMEOUT: Final = 5.0  # seconds for a client to read what is sent before the close frame


class GuardedWebSocket:
    """The messages of a WebSocket, which ends when the credential of its user expires.

    At that moment the client gets a close frame, a waiting `receive` returns
    `websocket.disconnect`, and every later `send` raises `OSError`. This does not depend on the
    app: a timer closes the connection even if the app neither receives nor sends.

    Args:
        receive: The ASGI receive of the server.
        send: The ASGI send of the server.
        selects_bearer: Whether to select the subprotocol `bearer` if the app selects none.
        expires_at: Returns the time at which to close the connection, in seconds since the epoch;
            None to leave the connection open. Called when the app accepts the connection.
        clock: Returns the time in seconds since the epoch.
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
        # A timeout interrupts the server's own `receive`, so that no message needs a task.
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
                message = {**message, "subprotocol": BEARER}
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
        """Close the connection if its credential has expired; else check again later."""
        if self._deadline is not None and not self._close_if_expired():
            # At most an interval, because clocks are set and machines are suspended. A timer also
            # cannot wait until the year 9999.
            seconds = min(self._deadline - self._clock(), CHECK_INTERVAL)
            self._timer = asyncio.get_running_loop().call_later(seconds, self._check)

    def _close_if_expired(self) -> bool:
        """Close the connection if its credential has expired; return whether it has expired."""
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
