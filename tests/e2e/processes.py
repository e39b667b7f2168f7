"""Servers as child processes on loopback: started, awaited, and ended by their own pid.

A process writes to a file, never to a pipe that nobody reads: it cannot block, and its output is
there to be shown when a test fails.
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
START_WITHIN = 60.0
STOP_WITHIN = 10.0

# What configures these servers in the developer's own shell must not reach the ones under test.
FOREIGN = {"CORS_ORIGINS", "DATABASE_URL", "DOCS", "HOST", "METRICS", "PORT", "PRINT_MAIL"}
FOREIGN |= {"COOKIE_CACHE", "COOKIE_CACHE_MAX_AGE", "TEST", "TRUSTED_HOSTS", "WORKERS"}
FOREIGN |= {"ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY"}
FOREIGN_PREFIXES = ("AUTH_", "BETTER_AUTH_", "JWKS_", "JWT_", "LOG_", "NODE_", "OIDC_")

# Nothing here speaks TLS, and to load the system's authorities takes each client 40 ms.
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

T = TypeVar("T")


def wait_for(probe: Callable[[], T | None], *, within: float = 10.0) -> T:
    """Ask until there is an answer, but not for ever."""
    deadline = time.monotonic() + within
    while (answer := probe()) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"No answer within {within} seconds.")
        time.sleep(0.05)
    return answer


def connect(url: str, **headers: str) -> httpx2.Client:
    """A client of a server on loopback; cookies stay with it, as with a browser."""
    return httpx2.Client(
        base_url=url, headers=headers, verify=NO_AUTHORITIES, timeout=30, trust_env=False
    )


class Process:
    """One child process, and what it has written.

    Attributes:
        name: What a failing test's report calls it.
    """

    def __init__(
        self, name: str, command: Sequence[str | Path], *, log: Path, env: Mapping[str, str]
    ) -> None:
        self.name = name
        self._log = log
        self._read = 0
        self._asked = False
        with log.open("wb") as output:
            # A pipe as standard input, closed by our end as much as by our crash: a server that
            # watches it leaves no orphan.
            self._popen = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment(env),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        """All that the process has written so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def news(self) -> str:
        """What it has written since that was last asked."""
        output = self.output
        begin, self._read = self._read, len(output)
        return output[begin:]

    def started(self, probe: Callable[[], T | None]) -> T:
        """Wait for the sign that the start has succeeded; without it, nothing keeps running."""

        def ask() -> T | None:
            if (answer := probe()) is None and (code := self._popen.poll()) is not None:
                raise RuntimeError(f"{self.name} ended with {code}:\n{self.output}")
            return answer

        try:
            return wait_for(ask, within=START_WITHIN)
        except BaseException:
            self.stop()
            raise

    def ask_to_stop(self) -> None:
        """Send SIGTERM, as an orchestrator does: once, for a second one cuts the end short."""
        if not self._asked:
            self._asked = True
            self._popen.terminate()

    def kill(self) -> None:
        """End the process as a crash does: at once, whatever it is doing."""
        self._asked = True
        self._popen.kill()
        self._popen.wait()

    def stop(self) -> None:
        """End the process; one that has to be forced to fails whoever asked."""
        self.ask_to_stop()
        try:
            self._popen.communicate(timeout=STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.communicate()
            raise RuntimeError(f"{self.name} ignored SIGTERM:\n{self.output}") from None


def environment(ours: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process: what we set, and what is nobody's configuration."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name.upper() not in FOREIGN and not name.upper().startswith(FOREIGN_PREFIXES)
    }
    return {**inherited, **ours}


def free_port() -> int:
    """A port that nobody else is given: below those that the kernel hands out by itself."""
    for port in SystemRandom().sample(range(20_000, 32_000), k=100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("No free port on loopback.")
