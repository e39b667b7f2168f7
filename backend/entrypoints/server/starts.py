"""Which worker processes are still starting."""

import contextlib
import time
from typing import Final
from weakref import WeakKeyDictionary

from uvicorn.supervisors.multiprocess import Process

START_TIMEOUT: Final = 60.0  # seconds; a start on a busy machine takes long


class Starts:
    """Knows which workers are starting: those that have not answered their first ping.

    uvicorn kills a worker that does not answer within five seconds. On a busy machine, a worker
    needs longer than that to start, so it would be killed again and again.
    """

    def __init__(self) -> None:
        self._deadlines: WeakKeyDictionary[Process, float] = WeakKeyDictionary()

    def is_starting(self, worker: Process) -> bool:
        """Return whether a worker is starting, and has been for less than `START_TIMEOUT`."""
        if not worker.process.is_alive():
            return False
        if worker not in self._deadlines:
            self._deadlines[worker] = time.monotonic() + START_TIMEOUT
            with contextlib.suppress(OSError):
                worker.parent_conn.send(b"ping")
        if time.monotonic() >= self._deadlines[worker]:
            return False
        with contextlib.suppress(OSError, EOFError):
            if worker.parent_conn.poll():
                worker.parent_conn.recv()
                self._deadlines[worker] = 0.0
                return False
        return True
