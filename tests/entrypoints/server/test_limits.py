"""Deadlines, clients that do not read, and the connections of a process: logic with a clock."""

import asyncio
import errno
import logging
import os
import resource
from dataclasses import dataclass, field

import pytest

from backend.entrypoints.server import file_limit, limits
from backend.entrypoints.server.connections import Connections
from backend.entrypoints.server.limits import ReadDeadline
from backend.entrypoints.server.output import Output

KIB = 1024


class FakeSocket:
    """A socket that ignores its options."""

    def setsockopt(self, *_: object) -> None:
        """Accept every option."""


@dataclass
class FakeTransport(asyncio.Transport):
    """A transport whose output the test sets."""

    unsent: int = 0
    closed: bool = False
    aborted: bool = False

    def get_write_buffer_size(self) -> int:
        return 0 if self.aborted else self.unsent

    def get_extra_info(self, name: str, default: object = None) -> object:
        return FakeSocket() if name == "socket" else default

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True


@dataclass(eq=False)
class FakeConnection:
    """A connection whose output the test sets."""

    transport: FakeTransport = field(default_factory=FakeTransport)
    checked: list[float] = field(default_factory=list)
    output: Output = field(init=False)

    def __post_init__(self) -> None:
        self.output = Output(self.transport)

    def check(self, now: float) -> None:
        self.checked.append(now)
        if self.output.unsent and self.output.is_stuck(now):
            self.output.cut("slow_reader")


class FakeLoop(asyncio.SelectorEventLoop):
    """A loop that never runs and has the time 0."""

    def time(self) -> float:
        return 0.0


@pytest.fixture
def loop() -> FakeLoop:
    loop = FakeLoop()
    loop.close()
    loop.call_later = lambda *_, **__: None  # type: ignore[assignment,method-assign]  # the tests call the checks
    return loop


def test_a_body_has_30_s_and_a_second_for_each_kib_that_arrived() -> None:
    deadline = ReadDeadline(0)
    deadline.expect_body(100, 0)
    assert deadline.at == 130
    now = 100.0
    while now < deadline.at:  # a byte a second
        now += 1
        deadline.add_body(now, 1)
    assert now == pytest.approx(131, abs=1)


def test_a_client_that_sends_1_kib_a_second_is_never_cut() -> None:
    deadline = ReadDeadline(0)
    deadline.expect_body(0, 0)
    for second in range(1, 1000):
        assert second < deadline.at
        deadline.add_body(second, KIB)


def test_the_pause_between_two_pieces_of_a_long_body_stays_limited() -> None:
    deadline = ReadDeadline(0)
    deadline.expect_body(0, 0)
    deadline.add_body(5, 1024 * KIB)
    assert deadline.at == 35


@pytest.mark.parametrize(
    ("bytes_a_second", "is_cut"), [(0, True), (1_500, True), (1_700, False), (100_000, False)]
)
def test_a_client_that_reads_less_than_16_kib_in_10_s_is_cut(
    bytes_a_second: int, *, is_cut: bool
) -> None:
    transport = FakeTransport(unsent=1024 * KIB)
    output = Output(transport)
    cut_at = None
    for second in range(60):
        if transport.unsent and output.is_stuck(second):
            cut_at = second
            break
        transport.unsent = max(0, transport.unsent - bytes_a_second)
    assert (cut_at is not None) == is_cut
    if bytes_a_second == 0:
        assert cut_at == limits.DRAIN_TIMEOUT


def test_more_output_is_not_progress() -> None:
    transport = FakeTransport(unsent=KIB)
    output = Output(transport)
    stuck = []
    for second in range(12):
        stuck.append(output.is_stuck(second))
        transport.unsent += KIB
    assert stuck.index(True) == limits.DRAIN_TIMEOUT


def test_the_last_bytes_must_be_read_in_10_s() -> None:
    transport = FakeTransport(unsent=10 * KIB)
    output = Output(transport)
    assert not output.is_stuck(0)
    transport.unsent = 1
    assert output.is_stuck(10)


def test_a_further_connection_replaces_the_longest_idle(loop: FakeLoop) -> None:
    connections = Connections(maximum=3)
    first, second, third, fourth = (FakeConnection() for _ in range(4))
    assert all(connections.add(connection, loop) for connection in (first, second, third))
    connections.set_busy(first)
    connections.set_busy(second)
    connections.set_idle(first)  # now idle for less time than the third
    assert connections.add(fourth, loop)
    assert [connection.transport.closed for connection in (first, second, third)] == [
        *(False, False, True),
    ]


def test_a_connection_above_the_limit_is_refused(
    loop: FakeLoop, caplog: pytest.LogCaptureFixture
) -> None:
    connections = Connections(maximum=2)
    busy = [FakeConnection(), FakeConnection()]
    for connection in busy:
        assert connections.add(connection, loop)
        connections.set_busy(connection)
    above = [FakeConnection() for _ in range(150)]
    assert not any(connections.add(connection, loop) for connection in above)
    assert [connection.transport.aborted for connection in above] == [False] * 100 + [True] * 50
    assert not any(connection.transport.closed for connection in busy)
    assert len([line for line in caplog.messages if "limit of 2 connections" in line]) == 1
    for connection in [*above, busy[0]]:
        connections.remove(connection)
    assert connections.add(FakeConnection(), loop)


def test_the_clients_that_made_no_progress_for_longest_are_cut(
    loop: FakeLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "UNSENT_MAX_BYTES", 250 * KIB)
    connections = Connections(maximum=10)
    deaf, slow, fresh = (FakeConnection() for _ in range(3))
    for now, connection in enumerate((slow, deaf, fresh)):
        connections.add(connection, loop)
        connection.transport.unsent = 100 * KIB
        if connection is fresh:
            slow.transport.unsent = 80 * KIB  # 20 KiB of progress
        connections.set_unread(connection, now)
    cut = [connection.transport.aborted for connection in (deaf, slow, fresh)]
    assert cut == [True, False, False]


def test_output_below_the_limit_cuts_no_client(loop: FakeLoop) -> None:
    connections = Connections(maximum=10)
    connection = FakeConnection(FakeTransport(unsent=limits.UNSENT_MAX_BYTES))
    connections.add(connection, loop)
    connections.set_unread(connection, 0)
    connections.check(1)
    assert connection.checked == [1]
    assert not connection.transport.aborted


@pytest.mark.parametrize(
    ("soft", "hard", "expected"),
    [
        (1024, 1_048_576, 65_536),
        (1024, 4096, 4096),
        (4096, 4096, 4096),
        (100_000, 200_000, 100_000),
        (256, resource.RLIM_INFINITY, 65_536),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, 65_536),
    ],
)
def test_the_soft_limit_of_files_is_raised(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, expected: int
) -> None:
    set_to: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, values: set_to.append(values))
    assert file_limit.raise_file_limit() == expected
    assert set_to in ([], [(expected, hard)])


def test_a_system_that_allows_fewer_files_gets_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    def setrlimit(_: int, values: tuple[int, int]) -> None:
        if values[0] > 10_240:
            raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", setrlimit)
    assert file_limit.raise_file_limit() == 10_240


def test_running_out_of_file_descriptors_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    caplog.set_level(logging.WARNING)
    probe = file_limit.FileProbe()
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", fail)
        probe.check()
        probe.check()
    probe.check()
    probe.check()
    assert caplog.messages == [
        (
            "out of file descriptors: Too many open files. New connections are dropped."
            " Raise `ulimit -n`."
        ),
        "file descriptors are available again",
    ]
