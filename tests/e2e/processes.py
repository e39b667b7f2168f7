"""Servers as child processes on loopback: start them, wait for them, stop them by process id.

A process writes to a file and not to a pipe. So unread output never blocks the process, and
the output is available when a test fails.
"""

import os
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import SystemRandom
from typing import TypeVar

import httpx2

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT = 60.0  # seconds
STOP_TIMEOUT = 10.0  # seconds

# Variables that the developer may have set for other servers. The servers under test ignore them.
CLEARED_VARIABLES = {
    "ALL_PROXY",
    "BEARER",
    "COOKIE_CACHE",
    "COOKIE_CACHE_MAX_AGE",
    "CORS_ORIGINS",
    "DATABASE_URL",
    "DOCS",
    "HOST",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "METRICS",
    "OAUTH_RESOURCE",
    "PORT",
    "PRINT_MAIL",
    "TEST",
    "TRUSTED_HOSTS",
    "WORKERS",
}
CLEARED_PREFIXES = ("AUTH_", "BETTER_AUTH_", "JWKS_", "JWT_", "LOG_", "NODE_", "OIDC_", "OTEL_")

# No server here speaks TLS. Loading the CA certificates of the system takes 40 ms per client.
NO_CA_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

T = TypeVar("T")


def wait_for(probe: Callable[[], T | None], *, within: float = 10.0) -> T:
    """Call the probe until it returns a value, and return that value.

    Args:
        probe: Returns None while the condition is not met.
        within: The timeout in seconds.

    Raises:
        TimeoutError: The probe returned None until the timeout.
    """
    deadline = time.monotonic() + within
    while (value := probe()) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"The condition was not met within {within} seconds.")
        time.sleep(0.05)
    return value


def connect(url: str, **headers: str) -> httpx2.Client:
    """Return a client for a server on loopback; like a browser, the client keeps cookies."""
    return httpx2.Client(
        base_url=url, headers=headers, verify=NO_CA_CERTIFICATES, timeout=30, trust_env=False
    )


class Process:
    """A child process and its output.

    Attributes:
        name: The name in the report of a failed test.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str],
        folder: Path = ROOT,
    ) -> None:
        self.name = name
        self._log = log
        self._reported = 0  # characters of the output
        self._terminated = False
        with log.open("wb") as output:
            # The kernel closes this pipe when the tests end, even after a crash. A server that
            # watches its standard input then stops, so that no orphan stays behind.
            self._popen = subprocess.Popen(
                command,
                cwd=folder,
                env=environment(env),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    @property
    def output(self) -> str:
        """The complete output so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def new_output(self) -> str:
        """Return the output since the previous call."""
        output = self.output
        start, self._reported = self._reported, len(output)
        return output[start:]

    def wait_until_started(self, probe: Callable[[], T | None]) -> T:
        """Wait until the probe returns a value. Stop the process if the start fails.

        Raises:
            RuntimeError: The process ended.
            TimeoutError: The process did not start in time.
        """

        def probe_while_running() -> T | None:
            if (value := probe()) is None and (code := self._popen.poll()) is not None:
                raise RuntimeError(f"{self.name} ended with {code}:\n{self.output}")
            return value

        try:
            return wait_for(probe_while_running, within=START_TIMEOUT)
        except BaseException:
            self.stop()
            raise

    def terminate(self) -> None:
        """Send SIGTERM as an orchestrator does, once. A second SIGTERM would force the exit."""
        if not self._terminated:
            self._terminated = True
            self._popen.terminate()

    def kill(self) -> None:
        """Send SIGKILL, like a crash at an arbitrary moment, and wait for the end."""
        self._terminated = True
        self._popen.kill()
        self._popen.wait()

    def stop(self) -> None:
        """Send SIGTERM and wait for the end.

        Raises:
            RuntimeError: The process ignored SIGTERM and was killed.
        """
        self.terminate()
        try:
            self._popen.communicate(timeout=STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.communicate()
            raise RuntimeError(f"{self.name} ignored SIGTERM:\n{self.output}") from None


def environment(overrides: Mapping[str, str]) -> dict[str, str]:
    """Return the inherited environment without server configuration, plus the overrides."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name.upper() not in CLEARED_VARIABLES and not name.upper().startswith(CLEARED_PREFIXES)
    }
    return {**inherited, **overrides}


def free_port() -> int:
    """Return a free port below the ephemeral ports, which the kernel assigns to others."""
    for port in SystemRandom().sample(range(20_000, 32_000), k=100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("No free port on loopback.")
