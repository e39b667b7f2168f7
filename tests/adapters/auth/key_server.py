"""A real key server on loopback that can be slow, wrong, huge or down."""

import asyncio
import contextlib
import functools
import ssl
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2

Behaviour = Callable[[asyncio.StreamWriter], Coroutine[Any, Any, None]]

_CHUNK: Final = b"[" * 65_536
_TLS: Final = ssl.create_default_context()  # shared, because each takes 20 ms


class KeyServer:
    """Serves every request with the same behaviour, and records the requests.

    Attributes:
        behaviour: Writes the response to each request.
        requests: The head of every request so far.
        connections: How many connections are open.
    """

    def __init__(self, behaviour: Behaviour, *, port: int = 0) -> None:
        self.behaviour = behaviour
        self.requests: list[bytes] = []
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Condition()
        self.port = port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/auth/jwks"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening, and cut the open connections."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def wait_for_requests(self, count: int) -> None:
        """Wait until this many requests have arrived."""
        await self._until(lambda: len(self.requests) >= count)

    async def wait_until_idle(self) -> None:
        """Wait until every connection is closed."""
        await self._until(lambda: self.connections == 0)

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5), self._changed:
            await self._changed.wait_for(condition)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self.connections += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                await self._notify()
                answering = asyncio.create_task(self.behaviour(writer))
                disconnected = asyncio.create_task(reader.read())
                try:
                    await asyncio.wait(
                        (answering, disconnected), return_when=asyncio.FIRST_COMPLETED
                    )
                finally:
                    answering.cancel()
                    disconnected.cancel()
                    await asyncio.gather(answering, disconnected, return_exceptions=True)
        finally:
            self.connections -= 1
            writer.close()
            await self._notify()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()


@asynccontextmanager
async def key_server(behaviour: Behaviour, *, port: int = 0) -> AsyncIterator[KeyServer]:
    server = KeyServer(behaviour, port=port)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def http_client(*, follow_redirects: bool = False) -> httpx2.AsyncClient:
    """Make a client as the container does."""
    return httpx2.AsyncClient(verify=_TLS, follow_redirects=follow_redirects)


def answer(
    body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None, after: float = 0
) -> Behaviour:
    """Send a correct response, at once or after some seconds."""
    fields = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **(headers or {}),
    }
    head = f"HTTP/1.1 {status} Whatever\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in fields.items())

    async def behave(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(after)
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
        await writer.drain()

    return behave


def raw(*pieces: bytes) -> Behaviour:
    """Write these bytes and close the connection."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return behave


def hang() -> Behaviour:
    """Accept the request and never respond."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    return behave


def drip(text: bytes, *, every: float) -> Behaviour:
    """Send one byte at a time, faster than the timeout of a single read."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        for byte in text:
            writer.write(bytes((byte,)))
            await writer.drain()
            await asyncio.sleep(every)
        await asyncio.Event().wait()

    return behave


def endless(head: bytes, chunk: bytes = _CHUNK) -> Behaviour:
    """Send a head, and then the same chunk forever."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(chunk)
            await writer.drain()

    return behave


@functools.cache
def gzip_bomb(megabytes: int) -> bytes:
    """Compress an empty key set with this many megabytes of white space."""
    compressor = zlib.compressobj(wbits=31)
    parts = [compressor.compress(b'{"keys":[')]
    parts += [compressor.compress(b" " * 1_000_000) for _ in range(megabytes)]
    return b"".join([*parts, compressor.compress(b"]}"), compressor.flush()])
