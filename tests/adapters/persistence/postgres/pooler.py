"""A transaction pooler, which behaves like PgBouncer in transaction mode."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

_PROTOCOL: Final = (3 << 16).to_bytes(4, "big")
_TLS_REQUEST: Final = (80877103).to_bytes(4, "big")
_REFUSAL: Final = b"E\0\0\0\x32SFATAL\0C08P01\0Munsupported startup parameter\0\0"
_KNOWN_PARAMETERS: Final = {
    b"user",
    b"database",
    b"client_encoding",
}  # PgBouncer accepts these by default

_Session = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class TransactionPooler:
    """Shares a few sessions of a server between its clients, for one transaction at a time.

    A new transaction gets the session that has been idle longest, so that two consecutive
    transactions never use the same session.

    Args:
        url: The database, for a role that needs no password.
        sessions: The number of sessions.

    Attributes:
        url: The same database, through this pooler.
        transactions: The number of transactions so far.
    """

    def __init__(self, url: str, *, sessions: int = 3) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        assert parts.username
        self._parts = parts
        self._server = (parts.hostname, parts.port)
        self._sessions = sessions
        self._greeting = b""
        self._idle: asyncio.Queue[_Session] = asyncio.Queue()
        self._writers: set[asyncio.StreamWriter] = set()
        self._replying: set[asyncio.Task[None]] = set()
        self.url = url
        self.transactions = 0

    async def __aenter__(self) -> Self:
        for _ in range(self._sessions):
            self._idle.put_nowait(await self._open_session())
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._listener.sockets[0].getsockname()[1]
        netloc = self._parts.netloc.replace(f":{self._server[1]}", f":{port}")
        self.url = self._parts._replace(netloc=netloc).geturl()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self._listener.close()
        for writer in self._writers:
            writer.close()
        await self._listener.wait_closed()

    async def _open_session(self) -> _Session:
        reader, writer = await asyncio.open_connection(*self._server)
        self._writers.add(writer)
        database = self._parts.path.removeprefix("/")
        parameters = f"user\0{self._parts.username}\0database\0{database}\0\0".encode()
        writer.write((len(parameters) + 8).to_bytes(4, "big") + _PROTOCOL + parameters)
        self._greeting = b"".join([message async for message in _until_ready(reader)])
        return reader, writer

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        leased: list[_Session] = []
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while (startup := await _startup(reader)).startswith(_TLS_REQUEST):
                writer.write(b"N")
            if startup.startswith(_PROTOCOL):
                accepted = set(startup[4:].rstrip(b"\0").split(b"\0")[::2]) <= _KNOWN_PARAMETERS
                writer.write(self._greeting if accepted else _REFUSAL)
                while accepted and not (message := await _message(reader)).startswith(b"X"):
                    if not leased:
                        leased.append(await self._idle.get())
                        self.transactions += 1
                        self._replying.add(asyncio.create_task(self._reply(leased, writer)))
                    leased[0][1].write(message)
        writer.close()

    async def _reply(self, leased: list[_Session], writer: asyncio.StreamWriter) -> None:
        """Forward the messages of the server until the transaction ends."""
        async for message in _until_ready(leased[0][0]):
            if _is_end(message):
                self._idle.put_nowait(leased.pop())
            writer.write(message)


async def _until_ready(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Read messages up to the message that reports that no transaction is open."""
    while True:
        message = await _message(reader)
        yield message
        if _is_end(message):
            return


def _is_end(message: bytes) -> bool:
    return message.startswith(b"Z") and message.endswith(b"I")


async def _startup(reader: asyncio.StreamReader) -> bytes:
    length = int.from_bytes(await reader.readexactly(4), "big")
    return await reader.readexactly(length - 4)


async def _message(reader: asyncio.StreamReader) -> bytes:
    header = await reader.readexactly(5)
    return header + await reader.readexactly(int.from_bytes(header[1:], "big") - 4)
