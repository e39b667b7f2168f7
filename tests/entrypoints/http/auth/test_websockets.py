"""A WebSocket is closed when the credential of its user expires."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from backend.entrypoints.http.auth import websockets
from backend.entrypoints.http.auth.websockets import GuardedWebSocket

CLOSE = {"type": "websocket.close", "code": 3000, "reason": "token_expired"}
DISCONNECT = {**CLOSE, "type": "websocket.disconnect"}
ACCEPT = {"type": "websocket.accept"}
TEXT = {"type": "websocket.receive", "text": "hello"}
SEND = {"type": "websocket.send", "text": "hello"}
YEAR_9999 = 253_402_214_400.0

App = Callable[[Scope, Receive, Send], Any]


class Connection:
    """The server's side of a WebSocket, and the clock of its guard.

    Attributes:
        now: The time.
        sent: The messages that the client got.
        waiting: The messages that the client sends.
    """

    def __init__(self, *, expires_at: float | None = 1000.0, selects_bearer: bool = False) -> None:
        self.now = 0.0
        self.sent: list[Message] = []
        self.waiting: asyncio.Queue[Message] = asyncio.Queue()
        self.waiting.put_nowait({"type": "websocket.connect"})
        self.is_open = asyncio.Event()
        self.is_writable = asyncio.Event()
        self.is_writable.set()
        self._guarded = GuardedWebSocket(
            self.waiting.get,
            self._send,
            selects_bearer=selects_bearer,
            expires_at=lambda: expires_at,
            clock=lambda: self.now,
        )

    async def _send(self, message: Message) -> None:
        await self.is_writable.wait()
        self.sent.append(message)
        if message["type"] == "websocket.accept":
            self.is_open.set()

    async def serve(self, app: App) -> None:
        await self._guarded.serve(app, {"type": "websocket", "headers": []})

    @contextlib.asynccontextmanager
    async def serving(self, app: App) -> Any:
        """Serve an app until it ends, and check that no task or timer is left."""
        before = asyncio.all_tasks()
        async with asyncio.timeout(5):
            task = asyncio.create_task(self.serve(app))
            await self.is_open.wait()
            yield
            await task
        assert asyncio.all_tasks() == before
        assert self._guarded._timer is None  # a timer shows nothing until it ends


@pytest.fixture(autouse=True)
def short_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websockets, "CHECK_INTERVAL", 0.01)


async def echo(_scope: Scope, receive: Receive, send: Send) -> None:
    """Echo until the client is gone."""
    await receive()
    await send(ACCEPT)
    while (message := await receive())["type"] != "websocket.disconnect":
        await send({"type": "websocket.send", "text": message["text"]})


@pytest.mark.anyio
async def test_messages_pass_until_the_credential_expires() -> None:
    connection = Connection()
    async with connection.serving(echo):
        connection.waiting.put_nowait(TEXT)
        await asyncio.sleep(0.05)
        assert connection.sent == [ACCEPT, SEND]
        connection.now = 1000.0
    assert connection.sent == [ACCEPT, SEND, CLOSE]


@pytest.mark.anyio
async def test_a_waiting_receive_returns_a_disconnect() -> None:
    received: list[Message] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        received.extend([await receive(), await receive()])

    connection = Connection()
    async with connection.serving(app):
        connection.now = 1000.0
    assert received == [DISCONNECT, DISCONNECT]
    assert connection.sent == [ACCEPT, CLOSE]


@pytest.mark.anyio
async def test_an_app_that_only_sends_is_closed() -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(ACCEPT)
        while True:
            await send(SEND)
            await asyncio.sleep(0.001)

    connection = Connection()
    with pytest.raises(OSError, match="expired"):
        async with connection.serving(app):
            connection.now = 1000.0
    assert connection.sent[-1] == CLOSE
    assert connection.sent.count(CLOSE) == 1


@pytest.mark.anyio
async def test_an_app_that_waits_for_something_else_is_closed() -> None:
    done = asyncio.Event()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(ACCEPT)
        await done.wait()

    connection = Connection()
    async with connection.serving(app):
        connection.now = 1000.0
        await asyncio.sleep(0.05)
        assert connection.sent == [ACCEPT, CLOSE]
        done.set()


@pytest.mark.anyio
async def test_no_message_passes_after_the_expiry_even_before_the_timer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websockets, "CHECK_INTERVAL", 60.0)
    connection = Connection()
    async with connection.serving(echo):
        connection.now = 5000.0  # the machine was suspended
        connection.waiting.put_nowait(TEXT)
    assert connection.sent == [ACCEPT, CLOSE]


@pytest.mark.anyio
async def test_a_clock_that_is_set_back_keeps_the_connection_open() -> None:
    connection = Connection()
    async with connection.serving(echo):
        connection.now = -1e9
        await asyncio.sleep(0.05)
        assert connection.sent == [ACCEPT]
        connection.now = 1000.0
    assert connection.sent == [ACCEPT, CLOSE]


@pytest.mark.anyio
@pytest.mark.parametrize("expires_at", [None, YEAR_9999])
async def test_a_connection_without_an_end_stays_open(expires_at: float | None) -> None:
    connection = Connection(expires_at=expires_at)
    async with connection.serving(echo):
        connection.now = 2e9
        await asyncio.sleep(0.05)
        connection.waiting.put_nowait(TEXT)
        connection.waiting.put_nowait({"type": "websocket.disconnect", "code": 1000})
    assert connection.sent == [ACCEPT, SEND]


@pytest.mark.anyio
async def test_a_credential_that_has_expired_before_the_app_accepts_closes_at_once() -> None:
    connection = Connection(expires_at=0.0)
    async with connection.serving(echo):
        pass
    assert connection.sent == [ACCEPT, CLOSE]


@pytest.mark.anyio
@pytest.mark.parametrize("end", ["app", "client"])
async def test_nothing_is_sent_after_the_end_of_a_connection(end: str) -> None:
    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        if end == "app":
            await send({"type": "websocket.close", "code": 1000})
        else:
            await receive()
        connection.now = 5000.0
        await asyncio.sleep(0.05)

    connection = Connection()
    connection.waiting.put_nowait({"type": "websocket.disconnect", "code": 1001})
    async with connection.serving(app):
        pass
    assert CLOSE not in connection.sent


@pytest.mark.anyio
async def test_the_app_may_close_after_the_expiry() -> None:
    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        await receive()
        await send({"type": "websocket.close", "code": 1000})

    connection = Connection()
    async with connection.serving(app):
        connection.now = 1000.0
    assert connection.sent == [ACCEPT, CLOSE]


@pytest.mark.anyio
async def test_starlette_raises_a_disconnect() -> None:
    seen: list[WebSocketDisconnect] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        await websocket.accept()
        with pytest.raises(WebSocketDisconnect) as disconnect:
            await websocket.receive_text()
        seen.append(disconnect.value)
        with pytest.raises(WebSocketDisconnect) as disconnect:
            await websocket.send_text("late")
        seen.append(disconnect.value)

    connection = Connection()
    async with connection.serving(app):
        connection.now = 1000.0
    assert [error.code for error in seen] == [3000, 1006]


@pytest.mark.anyio
async def test_a_receive_that_the_app_cancels_loses_no_message() -> None:
    received: list[Message] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPT)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await receive()
        connection.waiting.put_nowait(TEXT)
        received.append(await receive())

    connection = Connection()
    async with connection.serving(app):
        pass
    assert received == [TEXT]


@pytest.mark.anyio
async def test_an_error_of_the_server_stays_an_error() -> None:
    async def fail() -> Message:
        raise TimeoutError("the server's own")

    connection = Connection()
    connection._guarded._receive = fail  # the server fails
    with pytest.raises(TimeoutError, match="own"):
        await connection.serve(echo)


@pytest.mark.anyio
async def test_a_cancelled_app_leaves_nothing_behind() -> None:
    before = asyncio.all_tasks()
    connection = Connection()
    task = asyncio.create_task(connection.serve(echo))
    await connection.is_open.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    connection.now = 5000.0
    await asyncio.sleep(0.05)
    assert connection.sent == [ACCEPT]
    assert asyncio.all_tasks() == before


@pytest.mark.anyio
async def test_a_client_that_reads_nothing_does_not_hold_the_app(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websockets, "CLOSE_TIMEOUT", 0.05)
    connection = Connection()
    async with connection.serving(echo):
        connection.is_writable.clear()
        connection.now = 1000.0
    assert connection.sent == [ACCEPT]


@pytest.mark.anyio
@pytest.mark.parametrize("selects_bearer", [True, False])
@pytest.mark.parametrize("chosen", [{}, {"subprotocol": None}, {"subprotocol": "chat"}])
async def test_bearer_is_selected_if_the_app_selects_nothing(
    selects_bearer: bool, chosen: dict[str, Any]
) -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({**ACCEPT, **chosen})

    connection = Connection(selects_bearer=selects_bearer)
    await connection.serve(app)
    expected = chosen.get("subprotocol") or ("bearer" if selects_bearer else None)
    assert connection.sent[0].get("subprotocol") == expected
