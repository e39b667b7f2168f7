"""Our server, started as in production."""

import sys
from collections.abc import Mapping
from pathlib import Path

import httpx2

from tests.e2e.processes import Process, connect, free_port

# Coverage doubles the time of a start, and what it sees in one server it need not see in ten.
UNMEASURED = {"COVERAGE_PROCESS_CONFIG": ""}


class Backend(Process):
    """One `python -m backend serve`, alive.

    Attributes:
        url: Its base URL.
        client: Speaks to it.
    """

    def __init__(self, name: str, *, log: Path, env: Mapping[str, str]) -> None:
        port = free_port()
        command = [sys.executable, "-m", "backend", "serve"]
        super().__init__(name, command, log=log, env={"PORT": str(port), **env})
        self.url = f"http://127.0.0.1:{port}"
        self.client = connect(self.url)
        self.started(self._alive)

    def me(self, token: str) -> httpx2.Response:
        """Ask who the token's bearer is."""
        return self.client.get("/api/me", headers=bearer(token))

    def stop(self) -> None:
        """End the server, and the connections to it."""
        self.client.close()
        super().stop()

    def _alive(self) -> bool | None:
        try:
            return self.client.get("/health/live").is_success or None
        except httpx2.TransportError:
            return None


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token (RFC 6750, section 2.1)."""
    return {"Authorization": f"Bearer {token}"}


def refusal(answer: httpx2.Response) -> str:
    """The code of a 401, once it is seen to be what every refusal promises to be."""
    assert answer.status_code == 401, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith('Bearer realm="')
    problem = answer.json()
    assert problem["status"] == 401
    assert problem["request_id"]
    return str(problem["code"])
