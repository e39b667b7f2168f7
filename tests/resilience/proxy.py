"""Caddy in front of the replicas."""

import json
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import httpx2

from tests.e2e.processes import Process, connect, free_port

HEALTH_INTERVAL: Final = 0.5  # seconds; a replica that is ready again waits at most this long

# - Caddy repeats a request on another replica if it could not connect, or if the request is a GET.
#   It never repeats a POST that a replica may have received.
# - `fail_duration` is short: a worker that was killed does not take its whole replica away.
_CADDYFILE: Final = """\
{{
    admin off
    auto_https off
    persist_config off
    grace_period 1s
}}

http://127.0.0.1:{port} {{
    reverse_proxy {upstreams} {{
        lb_policy round_robin
        lb_try_duration 5s
        lb_try_interval 50ms
        fail_duration 1s
        max_fails 3
        health_uri /health/ready
        health_interval {interval}ms
        health_timeout 5s
        transport http {{
            keepalive 60s
        }}
    }}
}}
"""


class Proxy(Process):
    """A running Caddy.

    Attributes:
        url: The base URL of the API behind it.
    """

    def __init__(self, folder: Path, ports: Sequence[int]) -> None:
        port = free_port()
        config = folder / "Caddyfile"
        config.write_text(
            _CADDYFILE.format(
                port=port,
                upstreams=" ".join(f"127.0.0.1:{upstream}" for upstream in ports),
                interval=round(HEALTH_INTERVAL * 1000),
            )
        )
        caddy = Path(sysconfig.get_path("scripts")) / "caddy"
        command: list[str | Path] = [caddy, "run", "--adapter", "caddyfile", "--config", config]
        data = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        super().__init__("caddy", command, log=folder / "caddy.log", env=data)
        self.url = f"http://127.0.0.1:{port}"
        with connect(self.url) as client:
            self.wait_until_started(lambda: _is_live(client))

    @property
    def errors(self) -> list[str]:
        """Why Caddy answered requests itself."""
        lines = [json.loads(line) for line in self.output.splitlines() if line.startswith("{")]
        return [line.get("msg", "") for line in lines if line.get("level") == "error"]


def _is_live(client: httpx2.Client) -> bool | None:
    try:
        return client.get("/health/live").is_success or None
    except httpx2.TransportError:
        return None
