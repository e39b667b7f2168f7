"""Caddy in front of the replicas, with the file of `deploy/`."""

import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import httpx2

from tests.e2e.processes import ROOT, Process, connect, free_port

_CADDYFILE: Final = ROOT / "deploy" / "Caddyfile"


class Proxy(Process):
    """A running Caddy.

    Attributes:
        url: The base URL of the API behind it.
    """

    def __init__(self, folder: Path, ports: Sequence[int]) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        caddy = Path(sysconfig.get_path("scripts")) / "caddy"
        super().__init__(
            "caddy",
            [caddy, "run", "--adapter", "caddyfile", "--config", _CADDYFILE],
            log=folder / "caddy.log",
            env={
                "API_UPSTREAMS": " ".join(f"127.0.0.1:{port}" for port in ports),
                "CADDY_ADMIN": f"127.0.0.1:{free_port()}",
                "SITE_ADDRESS": self.url,
                "XDG_CONFIG_HOME": str(folder),
                "XDG_DATA_HOME": str(folder),
            },
        )
        with connect(self.url) as client:
            self.wait_until_started(lambda: _is_serving(client))


def _is_serving(client: httpx2.Client) -> bool | None:
    """Return whether the API is behind the proxy: it asks for a token."""
    try:
        return client.get("/api/me").status_code == httpx2.codes.UNAUTHORIZED or None
    except httpx2.TransportError:
        return None
