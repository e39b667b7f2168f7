"""Several worker processes behind the same listening socket."""

import contextlib
import os
import select
import signal
import socket
import time
from typing import Any, Final

from uvicorn.supervisors import Multiprocess

from backend.entrypoints.server.pings import Pings

_CHECK_INTERVAL: Final = 0.5  # seconds between two checks of the workers
_STOP: Final = frozenset({signal.SIGINT, signal.SIGTERM})


class Workers(Multiprocess):
    """uvicorn's supervisor of worker processes, which reacts to signals at once.

    uvicorn's own loop sees a signal up to 0.5 s later, and keeps the listening socket open until
    the last worker has ended. Connections to that socket would wait for a process that never
    accepts them.

    Args:
        shutdown_delay: Seconds for which a worker still listens after SIGTERM.
        **options: The arguments of uvicorn's supervisor.
    """

    def __init__(self, *, shutdown_delay: float, **options: Any) -> None:
        super().__init__(**options)
        self._shutdown_delay = shutdown_delay
        self._pings = Pings(timeout=self.config.timeout_worker_healthcheck)

    def run(self) -> None:
        """Serve until a signal stops the workers."""
        reader, writer = socket.socketpair()
        with reader, writer:
            writer.setblocking(False)
            signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
            self.init_processes()
            while not self.should_exit.is_set():
                if select.select([reader], [], [], _CHECK_INTERVAL)[0]:
                    reader.recv(4096)
                self.handle_signals()
                self.keep_subprocess_alive()
            for listener in self.sockets:
                listener.close()
            self.terminate_all()
            self._pass_on_signal(reader, until=time.monotonic() + self._shutdown_delay)
            self.join_all()
            signal.set_wakeup_fd(-1)

    def keep_subprocess_alive(self) -> None:
        """Replace workers that have ended or hang."""
        alive = [worker for worker in self.processes if self._pings.is_alive(worker)]
        self.processes = [worker for worker in self.processes if worker not in alive]
        for worker in self.processes:
            worker.kill()  # otherwise uvicorn would wait for an answer of a worker that hangs
        super().keep_subprocess_alive()
        self.processes += alive

    def _pass_on_signal(self, reader: socket.socket, *, until: float) -> None:
        """Interrupt the workers if a second signal arrives before they stop to listen.

        Args:
            reader: Has data after a signal.
            until: The time of the monotonic clock, in seconds.
        """
        while (seconds := until - time.monotonic()) > 0:
            if select.select([reader], [], [], min(seconds, _CHECK_INTERVAL))[0]:
                reader.recv(4096)
            running = [process for process in self.processes if process.process.is_alive()]
            if not running:
                return
            if not _STOP.isdisjoint(self.signal_queue):
                for process in running:
                    if process.pid is not None:
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(process.pid, signal.SIGINT)
                return
