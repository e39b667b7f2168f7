"""A wire to a server that a test can listen in on, and that can fall silent."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Wire:
    """Passes on what goes to and from a server, for the length of an `async with` statement.

    Attributes:
        url: The server's URL, by way of this wire.
        sent: What its clients sent, in the portions that it arrived in.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        self._server = (parts.hostname, parts.port)
        self._parts = parts
        self.url = url
        self.sent: list[bytes] = []
        self._speaks = asyncio.Event()
        self._speaks.set()
        self._ends: set[asyncio.StreamWriter] = set()
        self._clients: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        port = self._listener.sockets[0].getsockname()[1]
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
        self._listener.close()
        for end in self._ends:
            end.close()
        await self._listener.wait_closed()

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

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ends.add(writer)
        self._clients.add(writer)
        server_reader, server_writer = await asyncio.open_connection(*self._server)
        self._ends.add(server_writer)
        await asyncio.gather(
            self._pump(reader, server_writer, self.sent), self._pump(server_reader, writer, [])
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
