"""Servers of adopters' apps: real processes, in an environment that has the wheel alone."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx2

from tests.e2e.processes import Process, connect

APPS: Final = Path(__file__).parent / "apps"
COMMAND: Final = ("uvicorn", "--port", "0", "--no-access-log")

_NO_PYTHON: Final = {"PYTHONPATH": "", "COVERAGE_PROCESS_START": "", "COVERAGE_PROCESS_CONFIG": ""}


class AppServer(Process):
    """A server of an app.

    Args:
        python: The Python interpreter of an environment.
        command: The module to run, and its arguments.
        log: The file for the output.
        env: The environment variables of the app.
        folder: The folder with the module of the app.

    Attributes:
        url: The origin of the server.
    """

    def __init__(
        self,
        python: Path,
        *command: str,
        log: Path,
        env: Mapping[str, str],
        folder: Path = APPS,
    ) -> None:
        strict = ("-X", "dev", "-W", "error", "-m")  # warnings are errors, as in these tests
        super().__init__(
            " ".join(command),
            [python, *strict, *command],
            log=log,
            env={**_NO_PYTHON, **env},
            folder=folder,
        )
        self.url = self.wait_until_started(self._find_url)

    def connect(self, token: str | None = None) -> httpx2.Client:
        """Return a client, with or without a token."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return connect(self.url, **headers)

    def _find_url(self) -> str | None:
        # uvicorn prints its address before it accepts connections, and after the app has started.
        match = re.search(r"running on (http://\S+)", self.output)
        return match[1] if match else None
