"""The time between SIGTERM and the end of a server, in which load balancers notice the stop."""

import asyncio
import logging
import multiprocessing
import signal
from types import FrameType
from typing import Any

from backend.entrypoints.http.app import Api
from backend.entrypoints.http.closing import ClosingResponses

_log = logging.getLogger(__name__)


class Drain:
    """Keeps a server open for some seconds after SIGTERM, while `/health/ready` fails.

    Requests are served until the time is over, and their responses ask clients to close the
    connection. SIGINT, or a second SIGTERM, ends that time. In a worker process, only SIGINT ends
    that time. The parent sends SIGINT, because a service manager may send SIGTERM to every process
    of a service.

    Args:
        app: The app of this process.
        seconds: The time between SIGTERM and the end of listening.
    """

    def __init__(self, app: Api, seconds: float) -> None:
        self._app = app
        self._seconds = seconds
        self._parent = multiprocessing.parent_process()
        self._is_interrupted = False

    def install(self) -> None:
        """Replace the handlers that uvicorn has set for signals.

        Call this in the event loop of the server, in the main thread.
        """
        self._loop = asyncio.get_running_loop()
        self._stop: Any = signal.signal(signal.SIGTERM, self._handle_term)
        self._interrupt: Any = signal.signal(signal.SIGINT, self._handle_int)

    def _handle_term(self, number: int, frame: FrameType | None) -> None:
        state, parent = self._app.state, self._parent
        is_orphan = parent is not None and not parent.is_alive()
        if self._is_interrupted or is_orphan or (state.draining and parent is None):
            self._stop(number, frame)
        elif not state.draining:
            state.draining = True
            self._loop.call_soon_threadsafe(self._begin)

    def _handle_int(self, number: int, frame: FrameType | None) -> None:
        self._is_interrupted = True
        self._interrupt(number, frame)

    def _begin(self) -> None:
        _log.info("draining: the server stops in %g s", self._seconds)
        stack = self._app.middleware_stack
        if stack is not None:
            self._app.middleware_stack = ClosingResponses(stack)
        self._loop.call_later(self._seconds, self._stop, signal.SIGTERM, None)
