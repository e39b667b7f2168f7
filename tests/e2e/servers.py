"""Starts the servers of a test and stops them together."""

from collections.abc import Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Self, TypeVar

from tests.e2e.backend import Backend
from tests.e2e.better_auth import BETTER_AUTH, Issuer
from tests.e2e.processes import Process

P = TypeVar("P", bound=Process)


class Servers:
    """Starts servers and stops all of them when the `with` block ends.

    Args:
        directory: The folder for the output files.
        **env: Environment variables of every backend.

    Attributes:
        processes: The processes, for the report of a failed test.
    """

    def __init__(self, directory: Path, **env: str) -> None:
        self.processes: list[Process] = []
        self._directory = directory
        self._env = env
        self._numbers = count(1)
        self._stops = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.terminate()  # all of them first, so that they stop in parallel
        self._stops.close()

    def issuer(self, command: Sequence[str | Path] = BETTER_AUTH, /, **env: str) -> Issuer:
        """Start a Better Auth server; `demo/server.mjs` documents the environment variables."""
        name = f"better-auth-{next(self._numbers)}"
        log = self._directory / f"{name}.log"
        return self._add(Issuer(name, log=log, env=env, command=command))

    def backend(self, command: str = "serve", /, **env: str) -> Backend:
        """Start the backend with a command and these environment variables."""
        name = f"backend-{next(self._numbers)}"
        log = self._directory / f"{name}.log"
        return self._add(Backend(name, log=log, env={**self._env, **env}, command=command))

    def _add(self, process: P) -> P:
        self.processes.append(process)
        self._stops.callback(process.stop)
        return process
