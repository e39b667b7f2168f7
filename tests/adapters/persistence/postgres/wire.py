"""A proxy in front of a server that records traffic, can speak TLS, and can stop forwarding."""

import asyncio
import ssl
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Wire:
    """Forwards the traffic of a server inside `async with`.

    Args:
        url: The URL of the server.
        tls: The context that ends TLS here; clients must then use TLS.

    Attributes:
        url: The URL of the server, through this wire.
        sent: What the clients sent, in the chunks that arrived.
    """

    def __init__(self, url: str, *, tls: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        self._server = (parts.hostname, parts.port)
        self._parts = parts
        self._tls = tls
        self.url = url
        self.sent: list[bytes] = []
        self._forwarding = asyncio.Event()
        self._forwarding.set()
        self._ends: set[asyncio.StreamWriter] = set()
        self._clients: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._listeners = [await asyncio.start_server(self._forward, "127.0.0.1", 0, ssl=self._tls)]
        if self._tls is not None:
            self._listeners.append(await asyncio.start_server(self._accept_tls, "127.0.0.1", 0))
        port = self._listeners[-1].sockets[0].getsockname()[1]
        network_location = self._parts.netloc.replace(f":{self._server[1]}", f":{port}")
        self.url = self._parts._replace(netloc=network_location).geturl()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.resume()
        for listener in self._listeners:
            listener.close()
        for end in self._ends:
            end.close()
        for listener in self._listeners:
            await listener.wait_closed()

    def pause(self) -> None:
        """Stop forwarding, but keep every connection open."""
        self._forwarding.clear()

    def resume(self) -> None:
        """Forward again, starting with the bytes that were held back."""
        self._forwarding.set()

    def interject(self, message: bytes) -> None:
        """Send every client a message that does not come from the server."""
        for client in self._clients:
            client.write(message)

    async def _accept_tls(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Agree to speak TLS, and connect the client to the listener that does."""
        await reader.readexactly(8)
        writer.write(b"S")
        address = self._listeners[0].sockets[0].getsockname()
        await self._connect(address, reader, writer, [])

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        await self._connect(self._server, reader, writer, self.sent)

    async def _connect(
        self,
        address: tuple[str, int],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        log: list[bytes],
    ) -> None:
        self._ends.add(writer)
        server_reader, server_writer = await asyncio.open_connection(*address)
        self._ends.add(server_writer)
        await asyncio.gather(
            self._pump(reader, server_writer, log), self._pump(server_reader, writer, [])
        )

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, log: list[bytes]
    ) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(1 << 16):
                log.append(chunk)
                await self._forwarding.wait()
                writer.write(chunk)
                await writer.drain()
        writer.close()
