"""The supervisor of the worker processes: a worker that starts slowly is not killed."""

import signal
import time
from collections.abc import Iterator
from multiprocessing import Pipe
from typing import Any

import pytest
import uvicorn

from backend.entrypoints.server import pings
from backend.entrypoints.server.workers import Workers


class Worker:
    """A worker process that answers pings only when a test says so."""

    def __init__(self, *_: object) -> None:
        self.parent_conn, self.child_conn = Pipe()
        self.process = self
        self.pid = self.exitcode = 1
        self.killed = self.ended = False

    def is_alive(self, timeout: float | None = None) -> bool:
        if self.killed or self.ended:
            return False
        if timeout is None:
            return True
        self.parent_conn.send(b"ping")
        answered = self.parent_conn.poll(timeout)
        if answered:
            self.parent_conn.recv()
        return answered

    def answer(self) -> None:
        self.child_conn.recv()
        self.child_conn.send(True)

    def start(self) -> None: ...

    def join(self) -> None: ...

    def kill(self) -> None:
        self.killed = True


@pytest.fixture
def workers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A supervisor of two workers that have just started. The parameter is the time to answer."""
    timeout = getattr(request, "param", 0.05)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr("uvicorn.supervisors.multiprocess.Process", Worker)
    # Without `log_config=None`, uvicorn would change the logging of this process.
    options: dict[str, Any] = {"timeout_worker_healthcheck": timeout, "log_config": None}
    config = uvicorn.Config("x:y", workers=2, **options)
    supervisor = Workers(config=config, sockets=[], shutdown_delay=0)
    supervisor.init_processes()
    created: list[Any] = list(supervisor.processes)
    yield supervisor
    for worker in {*created, *supervisor.processes}:
        worker.parent_conn.close()
        worker.child_conn.close()


def test_a_worker_that_starts_slowly_is_not_killed(workers: Any) -> None:
    created = set(workers.processes)
    for _ in range(3):
        workers.keep_subprocess_alive()
    assert set(workers.processes) == created
    assert not any(worker.killed for worker in created)


def test_a_worker_that_never_starts_is_replaced(
    workers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pings, "START_TIMEOUT", 0.0)
    created = list(workers.processes)
    for _ in range(2):
        workers.keep_subprocess_alive()
    assert [worker.killed for worker in created] == [True, True]
    assert len(workers.processes) == 2


def test_a_worker_that_ends_while_it_starts_is_replaced(workers: Any) -> None:
    first, second = workers.processes
    workers.keep_subprocess_alive()
    first.ended = True
    workers.keep_subprocess_alive()
    assert first not in workers.processes
    assert second in workers.processes
    assert len(workers.processes) == 2


def test_a_worker_that_hangs_after_its_start_is_replaced(workers: Any) -> None:
    first, second = workers.processes
    workers.keep_subprocess_alive()
    first.answer()
    for _ in range(3):
        workers.keep_subprocess_alive()
        assert first in workers.processes
    time.sleep(0.06)
    workers.keep_subprocess_alive()
    assert (first.killed, second.killed) == (True, False)
    assert len(workers.processes) == 2


def test_a_worker_that_answers_is_kept(workers: Any) -> None:
    created = set(workers.processes)
    for _ in range(5):
        workers.keep_subprocess_alive()
        for worker in created:
            if worker.child_conn.poll():
                worker.answer()
        time.sleep(0.02)
    assert set(workers.processes) == created


@pytest.mark.parametrize("workers", [20], indirect=True)
def test_the_supervisor_does_not_wait_for_a_worker_that_hangs(workers: Any) -> None:
    first, second = workers.processes
    workers.keep_subprocess_alive()
    first.answer()
    second.ended = True
    started = time.monotonic()
    for _ in range(3):
        workers.keep_subprocess_alive()
    assert time.monotonic() - started < 5
    assert first in workers.processes
    assert second not in workers.processes
