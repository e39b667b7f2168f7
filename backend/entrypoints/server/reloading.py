"""Restarts the server in a new process when a file of the program changes. For development."""

import contextlib
import logging
import multiprocessing
import os
import socket
import time
from collections.abc import Callable, Mapping
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Final

_WATCHED: Final = frozenset({".css", ".html", ".js", ".json", ".py", ".svg"})
_INTERVAL: Final = 0.25  # seconds between two looks at the files
_SETTLED: Final = 0.1  # seconds without a change, because tools write several files
_RESTART_TIMEOUT: Final = 2.0  # seconds for open requests, before the old process is killed
_STOP_TIMEOUT: Final = 12.0  # seconds, longer than the graceful shutdown of the server

_log = logging.getLogger(__name__)

Files = Mapping[str, tuple[int, int]]  # the time in nanoseconds and the size in bytes, by path


class Reloader:
    """Runs a server in a child process, and starts the process again after a change.

    The listening socket stays open, so that connections wait for the new process. If the program
    does not start, for example because of a syntax error, the next change starts it again.

    Args:
        target: Serves on the socket until SIGTERM or SIGINT. The function runs in the new process.
        listener: The listening socket.
        folder: The folder with the program.
        settings_file: The file that the settings were read from, if any. A change of it is logged.
    """

    def __init__(
        self,
        target: Callable[[socket.socket], None],
        listener: socket.socket,
        *,
        folder: Path,
        settings_file: Path | None = None,
    ) -> None:
        self._target = target
        self._listener = listener
        self._folder = folder
        self._settings_file = settings_file
        self._ended = False

    def run(self) -> None:
        """Serve until a signal raises an exception in this thread. SIGINT ends it silently."""
        files, settings_time = self._files(), self._settings_time()
        process = self._start()
        try:
            while True:
                time.sleep(_INTERVAL)
                self._report_end(process)
                if self._settings_time() != settings_time:
                    settings_time = self._settings_time()
                    _log.warning(
                        "%s has changed: stop the server and start it again to use the changes",
                        self._settings_file,
                    )
                if self._files() != files:
                    before, files = files, self._settled_files()
                    _log_change(before, files)
                    _end(process, _RESTART_TIMEOUT)
                    process = self._start()
        except KeyboardInterrupt:
            pass
        finally:
            with contextlib.suppress(KeyboardInterrupt):
                _end(process, _STOP_TIMEOUT)

    def _start(self) -> SpawnProcess:
        self._ended = False
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=self._target, args=[self._listener])
        process.start()
        return process

    def _report_end(self, process: SpawnProcess) -> None:
        if process.exitcode is not None and not self._ended:
            self._ended = True
            _log.error("the server has ended; it starts again when a file changes")

    def _settled_files(self) -> Files:
        """Wait until the files do not change any more; return the state of the files."""
        previous, files = None, self._files()
        while files != previous:
            time.sleep(_SETTLED)
            previous, files = files, self._files()
        return files

    def _files(self) -> Files:
        """Return the time and size of every file of the program."""
        files = {}
        for folder, folders, names in os.walk(self._folder):
            folders[:] = [name for name in folders if name != "__pycache__"]
            for path in (Path(folder, name) for name in names if not name.startswith(".")):
                if path.suffix in _WATCHED:
                    with contextlib.suppress(OSError):  # a tool has removed the file
                        status = path.stat()
                        files[str(path)] = (status.st_mtime_ns, status.st_size)
        return files

    def _settings_time(self) -> int | None:
        """Return when the settings file was changed, in nanoseconds; None if there is no file."""
        with contextlib.suppress(OSError):
            return self._settings_file.stat().st_mtime_ns if self._settings_file else None
        return None


def _log_change(before: Files, after: Files) -> None:
    changed = {path for path, _ in {*before.items()} ^ {*after.items()}}
    names = [os.path.relpath(path) for path in sorted(changed)]
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    _log.info("%s%s changed: restarting the server", names[0] if names else "a file", more)


def _end(process: SpawnProcess, timeout: float) -> None:
    """End a process with SIGTERM; kill the process after the timeout, or if a signal arrives."""
    try:
        process.terminate()
        process.join(timeout)
    finally:
        process.kill()
        process.join()
