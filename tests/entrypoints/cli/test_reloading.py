"""`dev` restarts the server when a file of the program changes."""

import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from tests.entrypoints.cli.server_process import ROOT, Server, serving

STARTED = "Application startup complete"
BROKEN = "def broken(:\n"


@pytest.fixture
def program(folder: Path) -> Path:
    """A module of a copy of this program, which `python -m backend` runs in this folder."""
    ignored = shutil.ignore_patterns("__pycache__", "testing")
    shutil.copytree(ROOT / "backend", folder / "backend", ignore=ignored)
    return folder / "backend/entrypoints/http/me.py"


def wait_until(condition: Callable[[], object], server: Server) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, server.output
        time.sleep(0.05)


def starts(server: Server) -> int:
    return server.output.count(STARTED)


def test_a_change_restarts_the_server_and_keeps_the_token_and_the_socket(
    folder: Path, program: Path
) -> None:
    with serving(folder, "dev", PORT="0", PYTHONPATH=str(folder), LOG_FORMAT="json") as server:
        _, _, _, _, token, url = server.wait_for("curl ").replace("'", "").split()
        headers, url = {"Authorization": f"Bearer {token}"}, url.replace("/todos", "/me")
        wait_until(lambda: starts(server) == 1, server)
        assert httpx2.get(url, headers=headers, timeout=30).headers.get("x-changed") is None

        text = program.read_text()
        program.write_text(text + BROKEN)
        wait_until(lambda: "the server has ended; it starts again" in server.output, server)
        assert "SyntaxError" in server.output
        assert "entrypoints/http/me.py" in server.output
        assert "Traceback" not in server.output
        assert starts(server) == 1

        program.write_text(text + "\nrouter.add_api_route('/added', lambda: 'new')\n")
        wait_until(lambda: "The application has unprotected routes" in server.output, server)
        program.write_text(text + "\nassert read_me, 'the third program'\n")
        # The request waits in the listening socket until the new server accepts it.
        response = httpx2.get(url, headers=headers, timeout=30)
        assert (response.status_code, response.json()["user_id"]) == (200, "dev")
        wait_until(lambda: starts(server) == 2, server)
        assert "server" not in response.headers
        refused = httpx2.get(url, headers=[("a", "b")] * 200, timeout=30)
        assert refused.json()["code"] == "head_too_large"
        assert "me.py changed: restarting the server" in server.output
        assert server.stop(signal.SIGINT) == 0
        assert "Traceback" not in server.output
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(url)


def test_a_request_that_hangs_does_not_keep_the_server_from_restarting(
    folder: Path, program: Path
) -> None:
    program.write_text(
        program.read_text() + "\nimport threading\nthreading.Thread(target=lambda: "
        "__import__('time').sleep(600)).start()\n"
    )
    with serving(folder, "dev", PORT="0", PYTHONPATH=str(folder)) as server:
        wait_until(lambda: starts(server) == 1, server)
        (folder / ".env").write_text("PORT=1\n")
        program.write_text(program.read_text() + "# changed\n")
        wait_until(lambda: starts(server) == 2, server)
        assert server.stop() == 0


def test_a_changed_settings_file_is_reported(folder: Path) -> None:
    (folder / ".env").write_text("AUTH_LEEWAY=5\n")
    with serving(folder, "dev", PORT="0") as server:
        server.wait_for(STARTED)
        (folder / ".env").write_text("AUTH_LEEWAY=6\n")
        server.wait_for(".env has changed: stop the server and start it again")
        assert starts(server) == 1
        assert server.stop() == 0


def test_the_server_without_reload_is_this_process(folder: Path, program: Path) -> None:
    with serving(folder, "dev", "--no-reload", PORT="0", PYTHONPATH=str(folder)) as server:
        server.wait_for(f"Started server process [{server.pid}]")
        assert "restarts when" not in server.output
        server.wait_for(STARTED)
        assert server.stop() == 0
