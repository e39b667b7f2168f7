"""A wire to a server that a test can listen in on, that can speak TLS, and that can fall silent."""

import asyncio
import ssl
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Wire:
    """Passes on what goes to and from a server, for the length of an `async with` statement.

    Args:
        url: The server's URL.
        tls: With what to take off the TLS that clients have to ask for.

    Attributes:
        url: The server's URL, by way of this wire.
        sent: What its clients sent, in the portions that it arrived in.
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
        self._speaks = asyncio.Event()
        self._speaks.set()
        self._ends: set[asyncio.StreamWriter] = set()
        self._clients: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._listeners = [await asyncio.start_server(self._pass_on, "127.0.0.1", 0, ssl=self._tls)]
        if self._tls is not None:
            self._listeners.append(await asyncio.start_server(self._agree, "127.0.0.1", 0))
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
        self.speak()
        for listener in self._listeners:
            listener.close()
        for end in self._ends:
            end.close()
        for listener in self._listeners:
            await listener.wait_closed()

    def fall_silent(self) -> None:
        """Pass on nothing more, and cut nothing either."""
        self._speaks.clear()

    def speak(self) -> None:
        """Pass on again, beginning with what was held back."""
        self._speaks.set()

    def interject(self, words: bytes) -> None:
        """Tell every client something that its server did not say."""
        for client in self._clients:
            client.write(words)

    async def _agree(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Agree to speak TLS, and leave it to the listener that does."""
        await reader.readexactly(8)
        writer.write(b"S")
        place = self._listeners[0].sockets[0].getsockname()
        await self._connect(place, reader, writer, [])

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        await self._connect(self._server, reader, writer, self.sent)

    async def _connect(
        self,
        place: tuple[str, int],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        log: list[bytes],
    ) -> None:
        self._ends.add(writer)
        server_reader, server_writer = await asyncio.open_connection(*place)
        self._ends.add(server_writer)
        await asyncio.gather(
            self._pump(reader, server_writer, log), self._pump(server_reader, writer, [])
        )

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, log: list[bytes]
    ) -> None:
        with suppress(ConnectionError):
            while portion := await reader.read(1 << 16):
                log.append(portion)
                await self._speaks.wait()
                writer.write(portion)
                await writer.drain()
        writer.close()
