"""Caddy with the Caddyfile of `deploy/`, in front of replicas on this machine."""

import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import httpx2

from tests.e2e.processes import ROOT, Process, connect, free_port

CADDY: Final = Path(sysconfig.get_path("scripts")) / "caddy"
CADDYFILE: Final = ROOT / "deploy" / "Caddyfile"


class Caddy(Process):
    """A running Caddy.

    Args:
        folder: The folder of the log file and of Caddy's own files.
        ports: The port of each replica.

    Attributes:
        url: The base URL.
        client: An HTTP client for that URL.
    """

    def __init__(self, folder: Path, ports: Iterable[int]) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        super().__init__(
            "caddy",
            [CADDY, "run", "--adapter", "caddyfile", "--config", CADDYFILE],
            log=folder / "caddy.log",
            env={
                "API_UPSTREAMS": " ".join(f"127.0.0.1:{port}" for port in ports),
                "CADDY_ADMIN": f"127.0.0.1:{free_port()}",
                "SITE_ADDRESS": self.url,
                "XDG_CONFIG_HOME": str(folder),
                "XDG_DATA_HOME": str(folder),
            },
        )
        self.client = connect(self.url)
        self.wait_until_answer("/metrics", httpx2.codes.NOT_FOUND)  # from Caddy itself

    def wait_until_answer(self, path: str, status: int) -> None:
        """Wait until a request gets an answer with this status."""

        def probe() -> bool | None:
            try:
                return self.client.get(path).status_code == status or None
            except httpx2.TransportError:
                return None

        self.wait_until_started(probe)

    def stop(self) -> None:
        """Close the client and stop the server."""
        self.client.close()
        super().stop()
