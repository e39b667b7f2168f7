"""Finds worker processes that hang: they do not answer a ping in time."""

import time
from typing import Final
from weakref import WeakKeyDictionary

from uvicorn.supervisors.multiprocess import Process

START_TIMEOUT: Final = 60.0  # seconds; a start on a busy machine takes long


class Pings:
    """Pings the workers, without waiting for their answers.

    uvicorn waits for each answer. While a worker hangs, uvicorn would neither see signals nor
    replace other workers. uvicorn also kills a worker that needs more time for its start than for
    an answer.

    Args:
        timeout: The time that a worker has for each answer after the first, in seconds.
    """

    def __init__(self, *, timeout: float) -> None:
        self._timeout = timeout
        # None: the worker has answered.
        self._deadlines: WeakKeyDictionary[Process, float | None] = WeakKeyDictionary()

    def is_alive(self, worker: Process) -> bool:
        """Return whether a worker runs, and has answered or has time left. Call this regularly."""
        if not worker.process.is_alive():
            return False
        now, deadline = time.monotonic(), self._deadlines.get(worker)
        try:
            if deadline is None:
                timeout = self._timeout if worker in self._deadlines else START_TIMEOUT
                worker.parent_conn.send(b"ping")
                self._deadlines[worker] = now + timeout
            elif worker.parent_conn.poll():
                worker.parent_conn.recv()
                self._deadlines[worker] = None
            else:
                return now < deadline
        except (OSError, EOFError):
            return False
        return True
