"""Servers as child processes on a single CPU core and a free port of loopback."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from tests.e2e.processes import ROOT, environment, free_port

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, CLIENT_CORE = CORES[0], CORES[-1]


class Server:
    """A child process that runs until the `with` block ends.

    Args:
        command: The command line; `{port}` is replaced by the port.
        env: Further environment variables.
        cores: The CPU cores that the process may use.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cores: Sequence[int] = (SERVER_CORE,),
    ) -> None:
        self.port = free_port()
        self._popen = subprocess.Popen(
            [part.replace("{port}", str(self.port)) for part in command],
            cwd=ROOT,
            env=environment({"PORT": str(self.port), **(env or {})}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),  # noqa: PLW1509 - no other threads
        )

    def __enter__(self) -> Self:
        deadline = time.monotonic() + 30
        while not self.is_listening():
            if self._popen.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{self._popen.args} does not listen")
            time.sleep(0.005)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.stop()

    def is_listening(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        self._popen.terminate()
        try:
            self._popen.wait(15)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()

    @property
    def cpu_seconds(self) -> float:
        """The CPU time of the process and its child processes."""
        process = psutil.Process(self._popen.pid)
        pids = [process.pid, *(child.pid for child in process.children(recursive=True))]
        threads = [path for pid in pids for path in Path(f"/proc/{pid}/task").iterdir()]
        return sum(int((path / "schedstat").read_text().split()[0]) for path in threads) / 1e9

    @property
    def memory(self) -> int:
        """The resident memory of the process in bytes."""
        return psutil.Process(self._popen.pid).memory_info().rss


def uvicorn(
    app: str,
    *,
    env: Mapping[str, str] | None = None,
    workers: int = 1,
    cores: Sequence[int] | None = None,
) -> Server:
    """Serve an app factory as in production: uvloop, httptools, no access log.

    Args:
        app: The module and the function that makes the app.
        env: Further environment variables.
        workers: The number of processes.
        cores: The CPU cores of the processes; by default, a single core for a single process, else
            all cores.
    """
    options = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--no-server-header"]
    options += ["--log-level", "warning", "--workers", str(workers), "--port", "{port}"]
    command = [sys.executable, "-m", "uvicorn", "--factory", app, *options]
    cores = cores or (CORES if workers > 1 else (SERVER_CORE,))
    return Server(command, env=env, cores=cores)
