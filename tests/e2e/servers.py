"""As many servers as a test asks for, and their common end."""

from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Self, TypeVar

from tests.e2e.backend import Backend
from tests.e2e.better_auth import Issuer
from tests.e2e.processes import Process

P = TypeVar("P", bound=Process)


class Servers:
    """Starts servers, and ends them together.

    Args:
        directory: Where their output goes.
        **env: What configures each of our own servers among them.

    Attributes:
        started: The processes, for the report of a failing test.
    """

    def __init__(self, directory: Path, **env: str) -> None:
        self.started: list[Process] = []
        self._directory = directory
        self._env = env
        self._numbers = count(1)
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for server in self.started:
            server.ask_to_stop()  # all of them, before any is waited for
        self._ends.close()

    def issuer(self, **env: str) -> Issuer:
        """Start a Better Auth server; `demo/server.mjs` says what the environment means."""
        name = f"better-auth-{next(self._numbers)}"
        return self._keep(Issuer(name, log=self._directory / f"{name}.log", env=env))

    def backend(self, **env: str) -> Backend:
        """Start our server, configured by the environment alone."""
        name = f"backend-{next(self._numbers)}"
        log = self._directory / f"{name}.log"
        return self._keep(Backend(name, log=log, env={**self._env, **env}))

    def _keep(self, server: P) -> P:
        self.started.append(server)
        self._ends.callback(server.stop)
        return server
