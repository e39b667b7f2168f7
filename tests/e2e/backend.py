"""The backend, started as in production."""

import sys
from collections.abc import Mapping
from pathlib import Path

import httpx2

from tests.e2e.processes import Process, connect, free_port

# Coverage doubles the start time. Measuring a single server is enough.
NO_COVERAGE = {"COVERAGE_PROCESS_CONFIG": ""}


class Backend(Process):
    """A running `python -m backend serve`, or `mcp`.

    Attributes:
        url: The base URL.
        client: An HTTP client for that URL.
    """

    def __init__(
        self, name: str, *, log: Path, env: Mapping[str, str], command: str = "serve"
    ) -> None:
        port = env.get("PORT") or str(free_port())
        arguments = [sys.executable, "-m", "backend", command]
        super().__init__(name, arguments, log=log, env={**env, "PORT": port})
        self.url = f"http://127.0.0.1:{port}"
        self.client = connect(self.url)
        self.wait_until_started(self._live)

    def me(self, token: str) -> httpx2.Response:
        """Send `GET /api/me` with a bearer token."""
        return self.client.get("/api/me", headers=bearer(token))

    def stop(self) -> None:
        """Close the client and stop the server."""
        self.client.close()
        super().stop()

    def _live(self) -> bool | None:
        try:
            return self.client.get("/health/live").is_success or None
        except httpx2.TransportError:
            return None


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries a token (RFC 6750, section 2.1)."""
    return {"Authorization": f"Bearer {token}"}


def rejection_code(response: httpx2.Response) -> str:
    """Check the format that every 401 has, and return its code."""
    assert response.status_code == 401, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["www-authenticate"].startswith('Bearer realm="')
    problem = response.json()
    assert problem["status"] == 401
    assert problem["request_id"]
    return str(problem["code"])
