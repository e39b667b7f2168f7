"""The processor time that a request costs the server, for each byte of the request."""

import contextlib
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cost.inputs import all_inputs
from benchmarks.cost.requests import LONG_TODO, PLAIN, SHORT_TODO, Input, Users, request
from benchmarks.harness.chart import Bar
from benchmarks.harness.report import Result, Table, Target, number
from benchmarks.harness.rounds import round_count, shuffled
from benchmarks.harness.servers import Server
from benchmarks.harness.tokens import ORIGIN, SECRET, make_tokens
from tests.e2e.processes import ROOT, environment

ROUNDS = round_count()
FIXED = 1.0  # ms that every request may cost
FACTOR = 4.0
MIN_SECONDS = 0.02  # of processor time for each measurement
MAX_REQUESTS = 50
FORMATS = ("compact", "jwe", "jwt")  # of session cookies

ABOUT = f"""
No input may cost more than {FIXED:g} ms and, for each of its bytes, {FACTOR:g} times what a byte
of a plain request costs: of `{PLAIN}` with a cached token, which is cheaper for each byte than the
plain requests of the other routes.

Each input is sent to `python -m backend serve` over a connection that stays open, if the server
keeps it open. The figures are the processor time of the server process, of all its threads: the
median of {ROUNDS} rounds. *Times plain* is (time - {FIXED:g} ms) / bytes, divided by the figure of
the plain request. Most inputs are as long as the server accepts, so work that grows faster than
the request shows.

The long answers of the last table have no bound here: what they cost depends on what is stored.
A page of todos has at most 1 MiB.
""".strip()


@dataclass(slots=True)
class Cost:
    """The cost of an input.

    Attributes:
        milliseconds: The processor time of each round.
        status: The status of the last response; 0 if the server closed the connection.
    """

    milliseconds: list[float]
    status: int = 0

    @property
    def median(self) -> float:
        return statistics.median(self.milliseconds)


def measure() -> Result:
    result = Result(
        name="cost",
        title="Processor time for each byte of a request",
        about=ABOUT,
        chart_title="The most expensive input of each group",
        chart_unit="times a plain request, for each byte above 1 ms",
    )
    with contextlib.ExitStack() as stack:
        clients = {name: Client(stack.enter_context(_serve(name, stack))) for name in FORMATS}
        inputs = all_inputs(_create_todos(clients["compact"]))
        costs = {entry.name: Cost(milliseconds=[]) for entry in inputs}
        for entry in inputs:
            clients[entry.cookies].send(entry.data[0])
        for round_number in range(ROUNDS):
            for entry in shuffled(inputs, round_number):
                cost = costs[entry.name]
                cost.milliseconds.append(_measure_once(clients[entry.cookies], entry, cost))
    _report(result, inputs, costs)
    return result


class Client:
    """Sends requests to a server in sequence, on the same connection if the server allows that."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.body = b""  # of the last response
        self._socket: socket.socket | None = None

    def send(self, data: bytes) -> int:
        """Send a request and return the status; 0 if the connection ends without a response."""
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self.server.port), timeout=60)
        with contextlib.suppress(ConnectionError):  # the server may have answered already
            self._socket.sendall(data)
        response = self._receive()
        if not response or b"\r\nconnection: close" in response.lower():
            self._socket.close()
            self._socket = None
        return int(response[9:12] or 0)

    def _receive(self) -> bytes:
        """Return the head of the response after the whole response has arrived."""
        assert self._socket is not None
        data, head = bytearray(), b""
        with contextlib.suppress(ConnectionError):
            while chunk := self._socket.recv(65_536):
                data += chunk
                if not head and b"\r\n\r\n" in data:
                    head = bytes(data[: data.index(b"\r\n\r\n")])
                if head and len(data) >= len(head) + 4 + _content_length(head):
                    self.body = bytes(data[len(head) + 4 :])
                    return head
        return head + b"\r\nconnection: close" if head else b""


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0 if head[9:12] in {b"204", b"304"} else sys.maxsize  # else the body ends the connection


def _create_todos(client: Client) -> Users:
    reader, writer, hoarder = make_tokens("HS256", 3)
    for token, body in ((reader, SHORT_TODO), (hoarder, LONG_TODO), (writer, SHORT_TODO)):
        for _ in range(100):
            client.send(request("POST /api/todos", token=token, body=body))
    todo_id = json.loads(client.body)["id"]
    return Users(reader=reader, writer=writer, hoarder=hoarder, todo_id=todo_id)


def _measure_once(client: Client, entry: Input, cost: Cost) -> float:
    """Return the processor time of a request in milliseconds."""
    started, count = client.server.cpu_seconds, 0
    while True:
        for _ in range(5):
            cost.status = client.send(entry.data[count % len(entry.data)])
            count += 1
        time.sleep(0.0005)  # the server may still be writing to its log
        used = client.server.cpu_seconds - started
        if used >= MIN_SECONDS or count >= MAX_REQUESTS:
            return used / count * 1000


@contextlib.contextmanager
def _serve(cookies: str, stack: contextlib.ExitStack) -> Iterator[Server]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    env = {
        "DATABASE_URL": f"sqlite:///{folder / 'todos.db'}",
        "BETTER_AUTH_SECRET": SECRET,
        "AUTH_ISSUER": ORIGIN,
        "AUTH_AUDIENCE": ORIGIN,
        "AUTH_COOKIE": cookies,
        "CORS_ORIGINS": ORIGIN,
        "TRUSTED_HOSTS": "127.0.0.1",
        "DOCS": "on",
        "LOG_LEVEL": "warning",
    }
    command = [sys.executable, "-m", "backend"]
    subprocess.run(
        [*command, "migrate"], cwd=ROOT, env=environment(env), check=True, stdout=subprocess.DEVNULL
    )
    with Server([*command, "serve"], env=env) as server:
        yield server


def _report(result: Result, inputs: Sequence[Input], costs: Mapping[str, Cost]) -> None:
    sizes = {entry.name: statistics.mean(map(len, entry.data)) for entry in inputs}
    plain = costs[PLAIN].median / sizes[PLAIN]
    times = {
        name: [(value - FIXED) / sizes[name] / plain for value in cost.milliseconds]
        for name, cost in costs.items()
    }
    medians = {name: statistics.median(values) for name, values in times.items()}
    for group in dict.fromkeys(entry.group for entry in inputs):
        names = [entry.name for entry in inputs if entry.group == group]
        rows = [
            [
                name,
                str(costs[name].status),
                number(sizes[name]),
                f"{costs[name].median:.3f}",
                f"{costs[name].median / sizes[name] * 1000:.3f}",
                number(medians[name]) if medians[name] > 0 else "below 1 ms",
            ]
            for name in names
        ]
        header = ["input", "status", "bytes", "ms", "µs per byte", "times plain"]
        result.tables.append(Table(title=group.capitalize(), header=header, rows=rows))
        if group == "answer":
            continue
        worst = max(names, key=medians.__getitem__)
        target = Target.of(times[worst], what=f"{group}: {worst}", bound=FACTOR, unit="times plain")
        result.targets.append(target)
        result.bars.append(
            Bar(label=group, value=round(max(medians[worst], 0), 2), highlighted=True)
        )
