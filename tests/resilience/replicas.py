"""Replicas of the API: each is a server with several workers on a port of its own."""

import contextlib
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import httpx2
import psutil  # type: ignore[import-untyped]  # has no type stubs

from backend.entrypoints.cli.exits import MISCONFIGURED
from tests.e2e.backend import NO_COVERAGE
from tests.e2e.processes import Process, connect, free_port
from tests.resilience.guard import Guard

WORKERS: Final = 2
START_TIMEOUT: Final = 180.0  # seconds, on a machine that is busy with other work


class Server(Process):
    """A running `python -m backend serve`."""

    @property
    def status(self) -> int | None:
        """The exit status; None while the server runs."""
        return self._popen.poll()

    def workers(self) -> list[psutil.Process]:
        """Return the worker processes that run."""
        children = psutil.Process(self.pid).children()
        return [child for child in children if _is_worker(child)]


class Replica:
    """A replica, which can be stopped, killed and started again on the same port.

    Args:
        name: The name of its log file.
        folder: The folder of the log files.
        env: The environment variables.
        guard: Ends the replica if this program is killed.

    Attributes:
        port: The port.
        server: The server that was started last.
    """

    server: Server

    def __init__(self, name: str, folder: Path, env: Mapping[str, str], guard: Guard) -> None:
        self.port = free_port()
        self._name = name
        self._folder = folder
        self._env = {"PORT": str(self.port), "WORKERS": str(WORKERS), **NO_COVERAGE, **env}
        self._guard = guard
        self._starts = 0

    def launch(self) -> None:
        """Start the server, and do not wait until it is ready."""
        if self._starts:
            self.server.stop()  # it has ended; this closes its standard input
        self._starts += 1
        log = self._folder / f"{self._name}-{self._starts}.log"
        command = [sys.executable, "-m", "backend", "serve"]
        self.server = Server(self._name, command, log=log, env=self._env)
        self._guard.watch(self.server.pid)

    def wait_until_ready(self) -> None:
        """Wait until each worker is ready. Start the server again if its port was still in use.

        Raises:
            RuntimeError: The server does not start.
        """
        deadline = time.monotonic() + START_TIMEOUT
        while not self._is_ready():
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self._name} is not ready:\n{self.server.output}")
            if self.server.status is not None:
                if self.server.status != MISCONFIGURED:  # the status if the port is in use
                    raise RuntimeError(f"{self._name} ended:\n{self.server.output}")
                self.launch()
            time.sleep(0.05)

    def start(self) -> None:
        """Start the server, and wait until it is ready."""
        self.launch()
        self.wait_until_ready()

    def kill(self) -> None:
        """Kill the parent and the workers at once, like a crash of the machine."""
        workers = self.server.workers()
        self.server.kill()
        for worker in workers:
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.kill()
        psutil.wait_procs(workers)

    def close(self) -> None:
        """Kill all processes that still run."""
        if self._starts and self.server.status is None:
            self.kill()
            self.server.stop()  # closes its standard input

    def kill_worker(self) -> None:
        """Kill a worker."""
        self.server.workers()[0].kill()

    def _is_ready(self) -> bool:
        """Return whether all workers run, and each of them answers."""
        if self.server.status is not None or len(self.server.workers()) < WORKERS:
            return False
        try:
            for _ in range(3):  # the kernel chooses a worker for each connection
                with connect(f"http://127.0.0.1:{self.port}") as client:
                    if not client.get("/health/ready", timeout=10).is_success:
                        return False
        except httpx2.TransportError:
            return False
        return all(_is_serving(worker) for worker in self.server.workers())


def start_all(replicas: Sequence[Replica]) -> None:
    """Start replicas in parallel, and wait until all of them are ready."""
    for replica in replicas:
        replica.launch()
    for replica in replicas:
        replica.wait_until_ready()


def _is_serving(worker: psutil.Process) -> bool:
    """Return whether a worker has a second thread, which it starts when it serves."""
    try:
        return bool(worker.num_threads() > 1)
    except psutil.NoSuchProcess:
        return False


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False
