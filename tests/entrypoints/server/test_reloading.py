"""The reloader: which changes count, and how processes end."""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.entrypoints.server import reloading
from backend.entrypoints.server.reloading import Reloader


def note_start(listener: socket.socket) -> None:
    """Note in the folder that a process has started, then wait for a signal."""
    folder = Path(os.environ["STARTS"])
    (folder / str(os.getpid())).touch()
    if (folder / "stubborn").exists():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (folder / "ready").touch()
    time.sleep(60)


@pytest.fixture
def starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "starts"
    folder.mkdir()
    monkeypatch.setenv("STARTS", str(folder))
    monkeypatch.setattr(reloading, "_RESTART_TIMEOUT", 0.2)
    monkeypatch.setattr(reloading, "_STOP_TIMEOUT", 0.2)
    return folder


def run_while(folder: Path, action: Callable[[], None]) -> None:
    """Run a reloader until an action in another thread ends; then interrupt the reloader."""

    def act() -> None:
        try:
            action()
        finally:
            signal.raise_signal(signal.SIGINT)

    with socket.socket() as listener:
        thread = threading.Thread(target=act)
        thread.start()
        Reloader(note_start, listener, folder=folder).run()
        thread.join()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert condition()


def pids(starts: Path) -> list[int]:
    return [int(path.name) for path in starts.iterdir() if path.name.isdecimal()]


def test_only_changes_of_the_program_restart_the_server(
    starts: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program = tmp_path / "program"
    (program / "__pycache__").mkdir(parents=True)
    (program / "a.py").write_text("1")
    caplog.set_level(logging.INFO)

    def act() -> None:
        wait_for(lambda: len(pids(starts)) == 1)
        for name in ("__pycache__/a.py", ".hidden.py", "a.pyc", "a.py~", "4913"):
            (program / name).write_text("x")
        time.sleep(0.6)
        assert len(pids(starts)) == 1
        (program / "b.py").write_text("new")
        wait_for(lambda: len(pids(starts)) == 2)
        (program / "b.py").unlink()
        wait_for(lambda: len(pids(starts)) == 3)

    run_while(program, act)
    assert len(pids(starts)) == 3
    changes = [record.getMessage() for record in caplog.records if "changed" in record.msg]
    assert len(changes) == 2
    assert all("b.py changed: restarting the server" in change for change in changes)


def test_a_process_that_ignores_signals_is_killed(starts: Path, tmp_path: Path) -> None:
    (starts / "stubborn").touch()
    program = tmp_path / "program"
    program.mkdir()

    def act() -> None:
        wait_for((starts / "ready").exists)
        (starts / "ready").unlink()
        (program / "a.html").write_text("x")
        wait_for((starts / "ready").exists)

    run_while(program, act)
    assert len(pids(starts)) == 2
    for pid in pids(starts):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
