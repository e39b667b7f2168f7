"""The end of a server: the listening socket, requests in progress, worker processes."""

import contextlib
import json
import logging
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil  # type: ignore[import-untyped]  # has no type stubs
import pytest

from backend.entrypoints.server import limits
from tests.e2e.processes import wait_for
from tests.entrypoints.cli.command_line import run
from tests.entrypoints.cli.server_process import Server as ServerProcess
from tests.entrypoints.cli.server_process import measured, serving
from tests.entrypoints.http.conftest import ADA
from tests.entrypoints.http.sockets import Server, request
from tests.entrypoints.server.apps import SlowVerifier, app_with, echo_app, receive_all
from tests.settings.environment import SECRET

BODY = b'{"title":"x"}'
ME = request(b"GET /api/me", b"Authorization: Bearer ada")


@pytest.fixture
def processes(folder: Path) -> Iterator[tuple[ServerProcess, int]]:
    """A server with two workers, and its port."""
    variables = {"BETTER_AUTH_SECRET": SECRET, "PORT": "0", "WORKERS": "2"}
    assert run("migrate").exit_code == 0
    with serving(folder, "serve", **measured(), **variables) as server:
        line = server.wait_for("Uvicorn running on")
        port = int(re.findall(r":(\d+) ", line)[0])
        parent = psutil.Process(server.pid)
        children = wait_for(lambda: two_workers(parent), within=20)
        for _ in range(10):
            assert httpx2.get(f"http://127.0.0.1:{port}/health/live", timeout=30).is_success
        yield server, port
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()


def two_workers(parent: psutil.Process) -> list[psutil.Process] | None:
    """Return the worker processes, or None if they have not both started."""
    found = [child for child in parent.children() if "spawn_main" in " ".join(child.cmdline())]
    return found if len(found) == 2 else None


def is_refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    return False


def test_sigterm_closes_the_listener_at_once_and_finishes_requests(
    processes: tuple[ServerProcess, int],
) -> None:
    server, port = processes
    token = run("token", BETTER_AUTH_SECRET=SECRET).stdout.strip().encode()
    head = request(
        b"POST /api/todos",
        b"Authorization: Bearer " + token,
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(BODY),
    )
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head + BODY[:5])
        time.sleep(0.3)
        os.kill(server.pid, signal.SIGTERM)
        stopped = time.monotonic()
        wait_for(lambda: is_refused(port) or None, within=5)
        assert time.monotonic() - stopped < 1
        assert psutil.pid_exists(server.pid)
        connection.sendall(BODY[5:])
        assert receive_all(connection).startswith(b"HTTP/1.1 201")
    assert server.stop() == 0
    assert "Traceback" not in server.output


def test_workers_end_when_their_parent_dies(processes: tuple[ServerProcess, int]) -> None:
    server, port = processes
    children = two_workers(psutil.Process(server.pid))
    assert children is not None
    server.kill()
    ended, alive = psutil.wait_procs(children, timeout=8)
    assert (len(ended), alive) == (2, [])
    assert is_refused(port)


@pytest.mark.parametrize(
    "requests", [ME, request(b"POST /echo", b"Content-Length: 9") + b"x"], ids=["slow", "body"]
)
def test_requests_cut_at_the_end_get_503(requests: bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    verifier = SlowVerifier({"ada": ADA})
    verifier.seconds = 60
    app = app_with(verifier, public=("/echo",))
    app.routes.extend(route for route in echo_app().routes if getattr(route, "path", "") == "/echo")
    with Server(app) as server:
        server.config.timeout_graceful_shutdown = 1
        connection = server.connect()
        connection.sendall(requests)
        time.sleep(0.2)
    with connection:
        head, _, body = receive_all(connection).partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    assert lines[0] == b"http/1.1 503 service unavailable"
    assert b"content-type: application/problem+json" in lines
    assert b"retry-after: 1" in lines
    assert b"connection: close" in lines
    assert json.loads(body)["code"] == "shutting_down"
    assert json.loads(body)["request_id"]
    assert "Traceback" not in caplog.text
    assert any(" 503 " in message for message in caplog.messages)


def test_a_connection_whose_request_is_on_the_way_is_answered() -> None:
    with Server(echo_app()) as server:
        fresh, started = server.connect(), server.connect()
        started.sendall(ME[:20])
        time.sleep(0.1)
        server.should_exit = True
        time.sleep(0.3)
        fresh.sendall(request(b"GET /echo"))
        started.sendall(ME[20:])
        with fresh, started:
            responses = [receive_all(connection) for connection in (fresh, started)]
    assert [response.split()[1] for response in responses] == [b"200", b"401"]
    assert all(b"connection: close" in response for response in responses)


def test_a_silent_connection_does_not_delay_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHECK_INTERVAL", 0.1)
    with Server(echo_app()) as server, server.connect():
        time.sleep(0.1)
        stopped = time.monotonic()
        server.should_exit = True
        wait_for(lambda: not server.server_state.connections or None, within=5)
        assert time.monotonic() - stopped < 3
