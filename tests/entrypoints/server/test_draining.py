"""SHUTDOWN_DELAY: after SIGTERM the server is not ready, and still serves for some seconds."""

import multiprocessing
import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psutil  # type: ignore[import-untyped]  # has no type stubs
import pytest

from backend.entrypoints.http.app import Api
from backend.entrypoints.server.draining import Drain
from backend.testing.fakes import FakeTokenVerifier
from tests.e2e.processes import NO_CA_CERTIFICATES, wait_for
from tests.entrypoints.cli.command_line import run
from tests.entrypoints.cli.server_process import Server, serving
from tests.entrypoints.http.sockets import request
from tests.entrypoints.server.apps import app_with, receive_all
from tests.settings.environment import SECRET

BODY = b'{"title":"x"}'


@contextmanager
def draining(folder: Path, *, delay: float, workers: int = 1) -> Iterator[tuple[Server, str]]:
    """Serve with a delay. The result is the server and its URL."""
    assert run("migrate").exit_code == 0
    variables = {"BETTER_AUTH_SECRET": SECRET, "PORT": "0", "LOG_LEVEL": "debug"}
    variables |= {"SHUTDOWN_DELAY": str(delay), "WORKERS": str(workers)}
    with serving(folder, "serve", **variables) as server:
        (url,) = re.findall(r"http://\S+", server.wait_for("Uvicorn running on"))
        wait_for(lambda: server.output.count("startup complete") >= workers or None, within=20)
        yield server, url


def get(url: str, path: str) -> httpx2.Response:
    """Send a request on a connection of its own."""
    return httpx2.get(url + path, timeout=20, verify=NO_CA_CERTIFICATES, trust_env=False)


def is_draining(url: str) -> Callable[[], bool | None]:
    return lambda: get(url, "/health/ready").status_code == 503 or None


def test_a_server_stops_when_the_delay_is_over(folder: Path) -> None:
    token = run("token", BETTER_AUTH_SECRET=SECRET).stdout.strip().encode()
    headers = [b"Authorization: Bearer " + token, b"Content-Type: application/json"]
    head = request(b"POST /api/todos", *headers, b"Content-Length: %d" % len(BODY))
    with draining(folder, delay=1) as (server, url):
        address = ("127.0.0.1", int(url.rpartition(":")[2]))
        with socket.create_connection(address, timeout=20) as slow:
            slow.sendall(head + BODY[:5])
            time.sleep(0.1)
            os.kill(server.pid, signal.SIGTERM)
            stopped = time.monotonic()
            server.wait_for("draining: the server stops in 1 s")
            wait_for(lambda: refuses(address) or None, within=10)
            assert time.monotonic() - stopped >= 1
            slow.sendall(BODY[5:])  # longer than the delay
            response = receive_all(slow)
            assert response.startswith(b"HTTP/1.1 201")
            assert b"connection: close" in response
        assert server.stop() == -signal.SIGTERM
        assert "Finished server process" in server.output
        assert "Traceback" not in server.output


def refuses(address: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(address) != 0


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_server_serves_until_a_second_signal(
    folder: Path,
    second: signal.Signals,
) -> None:
    with (
        draining(folder, delay=60) as (server, url),
        httpx2.Client(base_url=url, verify=NO_CA_CERTIFICATES, trust_env=False) as kept_alive,
    ):
        assert "connection" not in kept_alive.get("/health/live").headers
        os.kill(server.pid, signal.SIGTERM)
        wait_for(is_draining(url), within=10)
        ready = get(url, "/health/ready")
        assert ready.json() == {"status": "draining", "checks": {}}
        live = kept_alive.get("/health/live")
        assert (live.status_code, live.headers["connection"]) == (200, "close")
        anonymous = get(url, "/api/me")
        assert (anonymous.status_code, anonymous.headers["connection"]) == (401, "close")
        started = time.monotonic()
        assert server.stop(second) == (-signal.SIGTERM if second == signal.SIGTERM else 0)
        assert time.monotonic() - started < 15
        assert "Finished server process" in server.output
        assert "Traceback" not in server.output


def test_every_worker_drains_until_a_second_signal_to_their_parent(
    folder: Path,
) -> None:
    with draining(folder, delay=60, workers=2) as (server, url):
        parent = psutil.Process(server.pid)
        workers = [child for child in parent.children() if "spawn_main" in str(child.cmdline())]
        for process in (server.pid, *(worker.pid for worker in workers)):
            os.kill(process, signal.SIGTERM)  # as systemd does
        wait_for(lambda: server.output.count("draining:") == 2 or None, within=10)
        time.sleep(0.3)
        answers = {get(url, "/health/ready").json()["status"] for _ in range(10)}
        assert answers == {"draining"}
        assert get(url, "/health/live").is_success
        assert [worker.is_running() for worker in workers] == [True, True]
        started = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - started < 15
        assert server.output.count("Finished server process") == 2
        assert "Traceback" not in server.output


class Parent:
    """The parent process of a worker."""

    def __init__(self, *, alive: bool) -> None:
        self.alive = alive

    def is_alive(self) -> bool:
        return self.alive


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The signals that reach the server, in a process whose parent is alive."""
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: Parent(alive=True))
    signals: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        signal.signal(number, lambda number, _frame: signals.append(number))
    yield signals
    for number, handler in before.items():
        signal.signal(number, handler)


def draining_app() -> Api:
    app = app_with(FakeTokenVerifier())
    assert isinstance(app, Api)
    return app


@pytest.mark.anyio
async def test_a_worker_ignores_a_second_sigterm_but_not_sigint(stopped: list[int]) -> None:
    app = draining_app()
    Drain(app, 60).install()
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
    assert (app.state.draining, stopped) == (True, [])
    signal.raise_signal(signal.SIGINT)
    assert stopped == [signal.SIGINT]


@pytest.mark.anyio
async def test_sigterm_after_sigint_does_not_start_the_delay(stopped: list[int]) -> None:
    app = draining_app()
    Drain(app, 60).install()
    signal.raise_signal(signal.SIGINT)  # Ctrl+C reaches the workers, and their parent
    signal.raise_signal(signal.SIGTERM)
    assert (app.state.draining, stopped) == (False, [signal.SIGINT, signal.SIGTERM])


@pytest.mark.anyio
async def test_a_worker_without_its_parent_stops_at_once(
    stopped: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: Parent(alive=False))
    Drain(draining_app(), 60).install()
    signal.raise_signal(signal.SIGTERM)
    assert stopped == [signal.SIGTERM]
