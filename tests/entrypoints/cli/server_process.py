"""A server in its own process, as `python -m backend` starts it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.backend import NO_COVERAGE

ROOT = Path(__file__).parents[3]


class Server:
    """A server in its own process.

    Attributes:
        folder: The working directory of the process.
    """

    def __init__(
        self,
        folder: Path,
        command: str,
        options: Sequence[str],
        environment: Mapping[str, str],
    ) -> None:
        self.folder = folder
        self._log = folder / f"{command}.log"
        with self._log.open("ab") as log:
            self._start = log.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "backend", command, *options],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(ROOT), **NO_COVERAGE, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def output(self) -> str:
        """The output of this server so far."""
        return self._log.read_bytes()[self._start :].decode()

    def wait_for(self, text: str) -> str:
        """Wait until the server prints a line that contains a text, and return the line."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            for line in self.output.splitlines(keepends=True):
                if text in line and line.endswith("\n"):
                    return line.strip()
            time.sleep(0.02)
        raise AssertionError(self.output)

    def stop(self, signal_number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, wait until the server ends, and return its exit code."""
        self._process.send_signal(signal_number)
        return self._process.wait(30)

    def kill(self) -> None:
        """Kill the process if it still runs."""
        self._process.kill()
        self._process.wait()


def measured() -> dict[str, str]:
    """Return the variables of a server whose coverage counts.

    Coverage doubles the time that a server takes to start. It is lost if the test does not call
    `stop`.
    """
    return {name: os.environ.get(name, "") for name in NO_COVERAGE}


@contextmanager
def serving(folder: Path, command: str, *options: str, **environment: str) -> Iterator[Server]:
    """Run a server for as long as the context lasts."""
    server = Server(folder, command, options, environment)
    try:
        yield server
    finally:
        server.kill()
