"""The connections of a server process, and their common limits."""

import asyncio
import logging
from collections.abc import Collection
from typing import Final, Protocol

from backend.entrypoints.server import limits
from backend.entrypoints.server.file_limit import FileProbe
from backend.entrypoints.server.output import Output

_LINGERING_MAX: Final = 100  # connections above the limit, which wait for a 503 or are closing
_WARNING_INTERVAL: Final = 60.0  # seconds

_log = logging.getLogger(__name__)


class Connection(Protocol):
    """The interface of a connection for `Connections`."""

    @property
    def output(self) -> Output:
        """The output that waits for the client."""

    def check(self, now: float) -> None:
        """End the connection if a limit of time is exceeded."""


class Connections:
    """The connections of a server process.

    - A process has at most `maximum` connections. A further connection replaces the connection that
      has been idle the longest. If no connection is idle, the further connection is refused.
    - Output that clients do not read has at most `UNSENT_MAX_BYTES`. Above that, the clients that
      have made no progress for the longest time are cut.
    - Each connection is checked once in `CHECK_INTERVAL`. Storing a deadline costs a request less
      than starting a timer.

    Args:
        maximum: The most connections.

    Attributes:
        maximum: The most connections.
        stopping: Whether the server is shutting down.
    """

    def __init__(self, *, maximum: int) -> None:
        self.maximum = maximum
        self._open: set[Connection] = set()
        self._idle: dict[Connection, None] = {}  # the longest idle first
        self._websockets: set[Connection] = set()
        self._unread: set[Connection] = set()
        self._probe = FileProbe()
        self._warned_at = -_WARNING_INTERVAL
        self._ticking = False
        self.stopping = False

    def add(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> bool:
        """Add a connection that was accepted.

        Returns:
            Whether the connection may send requests.
        """
        if not self._ticking:
            self._ticking = True
            self._tick(loop)
        count = len(self._open)
        self._open.add(connection)
        if count >= self.maximum:
            self._warn(loop.time())
            if count >= self.maximum + _LINGERING_MAX:
                connection.output.cut("too_many_connections")
                return False
            if not self._idle:
                return False
            idle = next(iter(self._idle))
            del self._idle[idle]
            idle.output.close()
        self._idle[connection] = None
        return True

    def become_websocket(self, connection: Connection, websocket: Connection) -> bool:
        """Replace the connection that sent a handshake by the WebSocket.

        Returns:
            Whether there may be another WebSocket. If not, the connection was not replaced.
        """
        if len(self._websockets) >= self.maximum * limits.WEBSOCKETS_SHARE:
            return False
        self.remove(connection)
        self._open.add(websocket)
        self._websockets.add(websocket)
        return True

    def remove(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        self._open.discard(connection)
        self._websockets.discard(connection)
        self._idle.pop(connection, None)
        self._unread.discard(connection)

    def set_idle(self, connection: Connection) -> None:
        """Record that a connection has no request."""
        self._idle[connection] = None

    def set_busy(self, connection: Connection) -> None:
        """Record that a connection has a request."""
        self._idle.pop(connection, None)

    def set_unread(self, connection: Connection, now: float) -> None:
        """Record that a client does not read its output, and limit the output of all clients."""
        self._unread.add(connection)
        connection.output.watch(now)
        self._shed(self._unread, now)

    def set_read(self, connection: Connection) -> None:
        """Record that a client has read its output."""
        self._unread.discard(connection)

    def check(self, now: float) -> None:
        """End the connections that exceed a limit.

        Args:
            now: The time of the event loop, in seconds.
        """
        for connection in tuple(self._open):
            connection.check(now)
        self._shed(self._open, now)
        self._probe.check()

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self.check(loop.time())
        loop.call_later(limits.CHECK_INTERVAL, self._tick, loop)

    def _shed(self, connections: Collection[Connection], now: float) -> None:
        unsent = {connection: connection.output.unsent for connection in connections}
        total = sum(unsent.values())
        if total <= limits.UNSENT_MAX_BYTES:
            return
        _log.warning("clients do not read %d bytes of output; cutting the slowest clients", total)
        waiting = [connection for connection, size in unsent.items() if size > 0]
        for connection in sorted(waiting, key=lambda connection: connection.output.watch(now)):
            connection.output.cut("unsent_output")
            total -= unsent[connection]
            if total <= limits.UNSENT_MAX_BYTES:
                return

    def _warn(self, now: float) -> None:
        if now - self._warned_at >= _WARNING_INTERVAL:
            self._warned_at = now
            _log.warning("the limit of %d connections is reached", self.maximum)
