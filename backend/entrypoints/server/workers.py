"""Several worker processes behind one listening socket."""

import select
import signal
import socket
from typing import Final

from uvicorn.supervisors import Multiprocess

_CHECK_INTERVAL: Final = 0.5  # seconds between two checks of the workers


class Workers(Multiprocess):
    """uvicorn's supervisor of worker processes, which reacts to signals at once.

    uvicorn's own loop sees a signal up to 0.5 s later, and keeps the listening socket open until
    the last worker has ended. Connections to it would wait for a process that never accepts them.
    """

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
            self.join_all()
            signal.set_wakeup_fd(-1)
