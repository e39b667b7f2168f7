"""Caddy runs with the Caddyfile in front of two small servers; nginx.conf is parsed."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import crossplane  # type: ignore[import-untyped]  # has no type stubs
import httpx2
import pytest

from backend.entrypoints.http.body_limit import MAX_BODY_BYTES
from backend.entrypoints.server import limits
from backend.settings import Settings
from tests.deploy.files import DEPLOY, directives, text_of
from tests.e2e.caddy import CADDY, CADDYFILE, Caddy

KEEP_ALIVE: Final = Settings.model_fields["keep_alive"].default
TOKEN: Final = "t" * Settings.model_fields["auth_token_max_bytes"].default
INTERNAL: Final = [
    *("/health", "/health/live", "/health/ready", "/metrics", "/metrics/", "//metrics"),
    *("/%6detrics", "/api/../metrics", "/health/../health/ready", "/health/ready/"),
    *("/METRICS", "/health%2fready", "/%2fmetrics", "/api%2f%2e%2e%2fmetrics", "/health//ready"),
]

# The values that nginx sends instead of the headers of a client.
CLIENT_HEADERS: Final = {
    "X-Forwarded-For": "$remote_addr",
    "X-Forwarded-Proto": "$scheme",
    **dict.fromkeys(("traceparent", "tracestate", "baggage"), ""),
}


class Replica(ThreadingHTTPServer):
    """A server that returns the headers of each request, or breaks the connection.

    Attributes:
        seen: The requests, as method and path.
        is_broken: Whether to close the connection instead of answering.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[str] = []
        self.is_broken = False


class Handler(BaseHTTPRequestHandler):
    """Answers a request of Caddy, and closes the connection."""

    server: Replica

    def do_GET(self) -> None:
        if not self.path.startswith("/health/ready"):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.server.seen.append(f"{self.command} {self.path}")
            if self.server.is_broken:
                return
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the name that the base class looks for

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the name in the base class
        pass


@pytest.fixture(scope="module")
def replicas() -> Iterator[list[Replica]]:
    replicas = [Replica(), Replica()]
    for replica in replicas:
        threading.Thread(target=replica.serve_forever, args=[0.05], daemon=True).start()
    yield replicas
    for replica in replicas:
        replica.shutdown()
        replica.server_close()


@pytest.fixture(scope="module")
def caddy(tmp_path_factory: pytest.TempPathFactory, replicas: list[Replica]) -> Iterator[Caddy]:
    ports = [replica.server_port for replica in replicas]
    caddy = Caddy(tmp_path_factory.mktemp("caddy"), ports)
    yield caddy
    caddy.stop()


def test_caddy_accepts_the_caddyfile_as_it_is_formatted() -> None:
    environment = {**os.environ, "XDG_DATA_HOME": "/nonexistent"}
    formatted = subprocess.run(
        [CADDY, "fmt", CADDYFILE], env=environment, capture_output=True, text=True, check=True
    )
    assert formatted.stdout == text_of("Caddyfile")


def test_caddy_passes_on_what_the_api_needs(caddy: Caddy) -> None:
    sent = {
        "Authorization": f"Bearer {TOKEN}",
        "Cookie": "better-auth.session_data=abc",
        "Origin": "https://app.example.com",
        "Sec-Fetch-Site": "same-site",
        "Idempotency-Key": "a-key",
        "If-Match": '"1"',
    }
    received = caddy.client.post("/api/todos", json={}, headers=sent).raise_for_status().json()
    assert {name: received[name.lower()] for name in sent} == sent
    assert received["host"] == caddy.url.removeprefix("http://")


def test_caddy_replaces_the_request_id_that_a_client_sends(caddy: Caddy) -> None:
    response = caddy.client.get("/api/me", headers={"X-Request-ID": "stranger"})
    assert response.json()["x-request-id"] in caddy.output
    assert "stranger" not in response.text


def test_caddy_removes_the_addresses_and_the_trace_that_a_client_sends(caddy: Caddy) -> None:
    headers = dict.fromkeys(CLIENT_HEADERS, "stranger")
    received = caddy.client.get("/api/me", headers=headers).json()
    assert received["x-forwarded-for"] == "127.0.0.1"
    assert "stranger" not in received.values()


@pytest.mark.parametrize("path", INTERNAL)
def test_caddy_hides_health_and_metrics(caddy: Caddy, replicas: list[Replica], path: str) -> None:
    before = [list(replica.seen) for replica in replicas]
    url = httpx2.URL(caddy.url).copy_with(raw_path=path.encode())
    caddy.client.get(url)
    seen = [replica.seen[len(old) :] for replica, old in zip(replicas, before, strict=True)]
    assert not any("metrics" in item or "health" in item for new in seen for item in new)


def test_caddy_refuses_a_body_that_the_api_would_refuse(caddy: Caddy) -> None:
    response = caddy.client.post("/api/todos", content=b"x" * (MAX_BODY_BYTES + 1))
    assert response.status_code == 413


def test_caddy_logs_no_token_cookie_or_query(caddy: Caddy) -> None:
    secrets = {
        "Authorization": "Bearer hunter2",
        "Cookie": "session=hunter2",
        "Referer": "https://app.example.com/?token=hunter2",
        "Sec-WebSocket-Protocol": "bearer, hunter2",
    }
    caddy.client.get("/api/todos?q=hunter2", headers=secrets).raise_for_status()
    assert '"uri":"/api/todos"' in caddy.output
    assert "hunter2" not in caddy.output


def test_caddy_never_repeats_a_post_that_a_replica_may_have_carried_out(
    caddy: Caddy, replicas: list[Replica]
) -> None:
    for replica in replicas:
        replica.is_broken = True
        replica.seen.clear()
    try:
        refused = caddy.client.post("/api/todos", json={}, headers={"Idempotency-Key": "a-key"})
    finally:
        for replica in replicas:
            replica.is_broken = False
    assert [item for replica in replicas for item in replica.seen] == ["POST /api/todos"]
    assert refused.status_code == 503
    assert refused.headers["content-type"] == "application/problem+json"
    assert int(refused.headers["retry-after"]) > 0
    assert refused.json().keys() == {"type", "title", "status", "code", "detail", "request_id"}


def test_caddy_closes_idle_connections_before_the_api_does() -> None:
    (upstream,) = directives(text_of("Caddyfile"), "keepalive")
    assert int(upstream.removesuffix("s")) < KEEP_ALIVE


@pytest.fixture(scope="module")
def nginx() -> dict[str, list[list[str]]]:
    """The directives of nginx.conf: the arguments of each, by name."""
    parsed = crossplane.parse(str(DEPLOY / "nginx.conf"), strict=True)
    # In a `map`, crossplane takes the patterns for directives.
    patterns = ('"default"', '"~*^websocket$"', '"websocket"')
    errors = [item["error"] for item in parsed["errors"]]
    assert [error for error in errors if not any(pattern in error for pattern in patterns)] == []
    found: dict[str, list[list[str]]] = {}

    def collect(block: list[dict[str, Any]]) -> None:
        for item in block:
            found.setdefault(item["directive"], []).append(item["args"])
            collect(item.get("block", []))

    collect(parsed["config"][0]["parsed"])
    return found


def test_nginx_hides_health_and_metrics(nginx: dict[str, list[list[str]]]) -> None:
    assert {tuple(arguments) for arguments in nginx["location"]} == {
        *(("=", "/health"), ("^~", "/health/"), ("^~", "/metrics"), ("/",)),
    }
    assert nginx["return"][-3:] == [["404"]] * 3


def test_nginx_passes_on_long_tokens_and_its_own_request_id(
    nginx: dict[str, list[list[str]]],
) -> None:
    assert {pair[0]: pair[1] for pair in nginx["proxy_set_header"]} == {
        "Host": "$http_host",
        "X-Request-ID": "$request_id",
        **CLIENT_HEADERS,
        "Upgrade": "$upgrade_header",
        "Connection": "$connection_header",
    }
    ((_, size),) = nginx["large_client_header_buffers"]
    assert int(size.removesuffix("k")) * 1024 >= limits.HEAD_MAX_BYTES
    assert nginx["client_max_body_size"] == [[f"{MAX_BODY_BYTES // 1024}k"]]


def test_nginx_logs_no_header_and_no_query(nginx: dict[str, list[list[str]]]) -> None:
    ((name, _, *lines),) = nginx["log_format"]
    assert nginx["access_log"] == [["/var/log/nginx/access.log", name]]
    text = "".join(lines)
    assert not any(word in text for word in ("$http_", "$request ", '$request"', "$args", "_uri"))
    assert nginx["error_log"] == [["/var/log/nginx/error.log", "crit"]]


def test_nginx_never_repeats_a_post_and_closes_idle_connections_first(
    nginx: dict[str, list[list[str]]],
) -> None:
    assert nginx["proxy_next_upstream"] == [["error", "timeout"]]
    upstream = nginx["keepalive_timeout"][0]
    assert int(upstream[0].removesuffix("s")) < KEEP_ALIVE
    assert nginx["proxy_http_version"] == [["1.1"]]


def test_nginx_waits_longer_than_the_pings_of_websockets(
    nginx: dict[str, list[list[str]]],
) -> None:
    ((seconds,),) = nginx["proxy_read_timeout"]
    assert int(seconds.removesuffix("s")) > limits.PING_INTERVAL


def test_nginx_defines_no_variable_that_exists_already(nginx: dict[str, list[list[str]]]) -> None:
    assert {arguments[-1] for arguments in nginx["map"]} == {
        *("$upgrade_header", "$connection_header"),
    }
