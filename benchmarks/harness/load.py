"""A load generator with keep-alive connections on uvloop and a minimal HTTP parser.

The generator runs in this process, on its own CPU core, and reports how busy that core was. While
the core is partly idle, the server is the bottleneck, so the figures describe the server.
"""

import asyncio
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self, cast

import uvloop

from benchmarks.harness.servers import CLIENT_CORE

CONNECTIONS = 16
GRACE_PERIOD = 60.0  # seconds that a run may take beyond its planned time


@dataclass(slots=True)
class Load:
    """The result of a run.

    Attributes:
        responses: The number of responses, all with the expected status.
        seconds: The duration.
        busy: The share of the duration in which the generator used its core, from 0 to 1.
        latencies: The seconds from the scheduled time of each request to its response.
    """

    responses: int = 0
    seconds: float = 0.0
    busy: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.responses / self.seconds


def get(path: str, token: str | None = None) -> bytes:
    """Return the bytes of a GET request."""
    return _head("GET", path, token) + b"\r\n"


def post(path: str, body: bytes, token: str | None = None, **headers: str) -> bytes:
    """Return the bytes of a POST request with a JSON body."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    lines += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return _head("POST", path, token) + lines.encode() + body


def _head(method: str, path: str, token: str | None) -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n"
    head += f"Authorization: Bearer {token}\r\n" if token else ""
    return head.encode()


class Generator:
    """Sends requests to a port of loopback. A context manager that owns an event loop."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        os.sched_setaffinity(0, {CLIENT_CORE})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.close()

    def saturate(  # noqa: PLR0913 - every argument limits the load
        self,
        port: int,
        requests: Iterator[bytes],
        *,
        seconds: float = 0.5,
        count: int = 1_000_000,
        status: int = 200,
        connections: int = CONNECTIONS,
    ) -> Load:
        """Keep every connection busy for some seconds, or for a number of responses."""
        run = _Run(requests, status=status, count=count)
        return self._runner.run(run.execute(port, seconds=seconds, count=connections))

    def pace(
        self,
        port: int,
        requests: Iterator[bytes],
        *,
        rate: float,
        seconds: float,
        status: int = 200,
    ) -> Load:
        """Send requests at a constant rate, whether or not the server keeps up."""
        run = _Run(requests, status=status, count=int(rate * seconds), rate=rate)
        return self._runner.run(run.execute(port, seconds=seconds, count=64))


class _Run:
    def __init__(
        self, requests: Iterator[bytes], *, status: int, count: int, rate: float | None = None
    ) -> None:
        self.requests = requests
        self.expected = f"HTTP/1.1 {status} ".encode()
        self.rate = rate
        self.remaining = count  # requests that may still be sent
        self.load = Load()
        self.sending = True
        self.idle: deque[_Connection] = deque()
        self.due: deque[float] = deque()
        self.in_flight = 0
        self.error: Exception | None = None
        self.done = asyncio.Event()

    async def execute(self, port: int, *, seconds: float, count: int) -> Load:
        loop = asyncio.get_running_loop()
        connections: Sequence[_Connection] = [
            (await loop.create_connection(lambda: _Connection(self), "127.0.0.1", port))[1]
            for _ in range(count)
        ]
        busy, started = time.thread_time(), time.perf_counter()
        async with asyncio.timeout(seconds + GRACE_PERIOD):
            if self.rate is None:
                loop.call_later(seconds, self.stop)
                for connection in connections:
                    self.send(connection)
                await self.done.wait()
            else:
                self.idle.extend(connections)
                await self._pace(self.rate)
        self.load.seconds = time.perf_counter() - started
        self.load.busy = (time.thread_time() - busy) / self.load.seconds
        for connection in connections:
            connection.transport.abort()
        if self.error is not None:
            raise self.error
        return self.load

    async def _pace(self, rate: float) -> None:
        started, number, count = time.perf_counter(), 0, self.remaining
        while number < count:
            now = time.perf_counter()
            while number < count and started + number / rate <= now:
                self.due.append(started + number / rate)
                number += 1
            self.flush()
            await asyncio.sleep(0.0005)
        if self.due or self.in_flight:
            await self.done.wait()

    def flush(self) -> None:
        while self.due and self.idle:
            connection = self.idle.popleft()
            connection.due = self.due.popleft()
            self.send(connection)

    def send(self, connection: "_Connection") -> None:
        self.remaining -= 1
        self.in_flight += 1
        connection.transport.write(next(self.requests))

    def stop(self) -> None:
        self.sending = False

    def response_received(self, connection: "_Connection") -> None:
        self.in_flight -= 1
        self.load.responses += 1
        if self.rate is not None:
            self.load.latencies.append(time.perf_counter() - connection.due)
            self.idle.append(connection)
            self.flush()
            if self.remaining <= 0 and not self.in_flight:
                self.done.set()
        elif self.sending and self.remaining > 0:
            self.send(connection)
        elif not self.in_flight:
            self.done.set()

    def fail(self, error: Exception) -> None:
        self.error = self.error or error
        self.due.clear()
        self.in_flight = 0
        self.done.set()


class _Connection(asyncio.Protocol):
    def __init__(self, run: _Run) -> None:
        self.run = run
        self.due = 0.0
        self.transport: asyncio.Transport
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # no base class of uvloop's class

    def data_received(self, data: bytes) -> None:
        data = self._data = self._data + data if self._data else data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return
        index = data.lower().find(b"content-length:", 0, end) + 15
        if index < 15 or not data.startswith(self.run.expected):
            self.run.fail(RuntimeError(f"unexpected response: {data[:400]!r}"))
            return
        if len(data) < end + 4 + int(data[index : data.find(b"\r", index)]):
            return
        self._data = b""
        self.run.response_received(self)

    def connection_lost(self, error: Exception | None) -> None:
        if self.run.in_flight:
            self.run.fail(error or ConnectionError("the server closed a connection"))
