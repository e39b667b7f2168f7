"""A load generator: keep-alive connections on uvloop that read no more than they must.

It runs in this process, on a core of its own, and says how busy that core was: as long as it idles
for a part of the time, the server is what was measured.
"""

import asyncio
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Self, cast

import uvloop

from benchmarks.harness.servers import CLIENT_CORE

CONNECTIONS = 16
PATIENCE = 60.0


@dataclass(slots=True)
class Load:
    """What came back.

    Attributes:
        answers: How many, all of them with the status that was expected.
        seconds: How long it took.
        busy: The part of that time in which the generator itself was at work.
        latencies: Seconds from when each request was due to its answer.
    """

    answers: int = 0
    seconds: float = 0.0
    busy: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.answers / self.seconds


def get(path: str, token: str | None = None) -> bytes:
    """Write a GET request."""
    return _head("GET", path, token) + b"\r\n"


def post(path: str, body: bytes, token: str | None = None, **headers: str) -> bytes:
    """Write a POST request with a JSON body."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    more += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return _head("POST", path, token) + more.encode() + body


def _head(method: str, path: str, token: str | None) -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n"
    head += f"Authorization: Bearer {token}\r\n" if token else ""
    return head.encode()


class Generator:
    """Sends requests to one port of loopback. A context manager, because it owns an event loop."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        os.sched_setaffinity(0, {CLIENT_CORE})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.close()

    def saturate(  # noqa: PLR0913 - each of them bounds it
        self,
        port: int,
        requests: Iterator[bytes],
        *,
        seconds: float = 0.5,
        count: int = 1_000_000,
        status: int = 200,
        connections: int = CONNECTIONS,
    ) -> Load:
        """Keep every connection busy, for so long or until there are so many answers."""
        run = _Run(requests, status=status, count=count)
        return self._runner.run(run.go(port, seconds=seconds, connections=connections))

    def pace(
        self,
        port: int,
        requests: Iterator[bytes],
        *,
        rate: float,
        seconds: float,
        status: int = 200,
    ) -> Load:
        """Send requests when they are due, whether or not the server keeps up."""
        run = _Run(requests, status=status, count=int(rate * seconds), rate=rate)
        return self._runner.run(run.go(port, seconds=seconds, connections=64))


def rotation(requests: Iterable[bytes]) -> Iterator[bytes]:
    return cycle(list(requests))


class _Run:
    def __init__(
        self, requests: Iterator[bytes], *, status: int, count: int, rate: float | None = None
    ) -> None:
        self.requests = requests
        self.expected = f"HTTP/1.1 {status} ".encode()
        self.rate = rate
        self.left = count  # requests that may still be sent
        self.load = Load()
        self.open = True
        self.idle: deque[_Connection] = deque()
        self.due: deque[float] = deque()
        self.underway = 0
        self.error: Exception | None = None
        self.done = asyncio.Event()

    async def go(self, port: int, *, seconds: float, connections: int) -> Load:
        loop = asyncio.get_running_loop()
        opened: Sequence[_Connection] = [
            (await loop.create_connection(lambda: _Connection(self), "127.0.0.1", port))[1]
            for _ in range(connections)
        ]
        busy, started = time.thread_time(), time.perf_counter()
        async with asyncio.timeout(seconds + PATIENCE):
            if self.rate is None:
                loop.call_later(seconds, self.stop)
                for connection in opened:
                    self.send(connection)
                await self.done.wait()
            else:
                self.idle.extend(opened)
                await self._pace(self.rate)
        self.load.seconds = time.perf_counter() - started
        self.load.busy = (time.thread_time() - busy) / self.load.seconds
        for connection in opened:
            connection.transport.abort()
        if self.error is not None:
            raise self.error
        return self.load

    async def _pace(self, rate: float) -> None:
        started, number, count = time.perf_counter(), 0, self.left
        while number < count:
            now = time.perf_counter()
            while number < count and started + number / rate <= now:
                self.due.append(started + number / rate)
                number += 1
            self.flush()
            await asyncio.sleep(0.0005)
        if self.due or self.underway:
            await self.done.wait()

    def flush(self) -> None:
        while self.due and self.idle:
            connection = self.idle.popleft()
            connection.due = self.due.popleft()
            self.send(connection)

    def send(self, connection: "_Connection") -> None:
        self.left -= 1
        self.underway += 1
        connection.transport.write(next(self.requests))

    def stop(self) -> None:
        self.open = False

    def answered(self, connection: "_Connection") -> None:
        self.underway -= 1
        self.load.answers += 1
        if self.rate is not None:
            self.load.latencies.append(time.perf_counter() - connection.due)
            self.idle.append(connection)
            self.flush()
            if self.left <= 0 and not self.underway:
                self.done.set()
        elif self.open and self.left > 0:
            self.send(connection)
        elif not self.underway:
            self.done.set()

    def failed(self, error: Exception) -> None:
        self.error = self.error or error
        self.due.clear()
        self.underway = 0
        self.done.set()


class _Connection(asyncio.Protocol):
    def __init__(self, run: _Run) -> None:
        self.run = run
        self.due = 0.0
        self.transport: asyncio.Transport
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # as uvloop's only looks

    def data_received(self, data: bytes) -> None:
        data = self._data = self._data + data if self._data else data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return
        place = data.lower().find(b"content-length:", 0, end) + 15
        if place < 15 or not data.startswith(self.run.expected):
            self.run.failed(RuntimeError(f"not the answer that was expected: {data[:400]!r}"))
            return
        if len(data) < end + 4 + int(data[place : data.find(b"\r", place)]):
            return
        self._data = b""
        self.run.answered(self)

    def connection_lost(self, error: Exception | None) -> None:
        if self.run.underway:
            self.run.failed(error or ConnectionError("the server closed a connection"))
