"""The output of a connection that waits for its client."""

import asyncio
import socket
import struct
from typing import Final

from backend.entrypoints.http.metrics.series import CUT_CONNECTIONS
from backend.entrypoints.server import limits

_DROP_OUTPUT: Final = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 s


class Output:
    """Output that waits for a client, and whether the client reads.

    The client must read 16 KiB, or all that is left, within 10 s.

    Args:
        transport: The connection.
    """

    __slots__ = ("_before", "_is_cut", "_progress_at", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._is_cut = False
        self._before = 0  # unsent bytes at the last progress, more if output was added
        self._progress_at: float | None = None  # None while the client keeps up

    @property
    def unsent(self) -> int:
        """The number of bytes that wait."""
        return self._transport.get_write_buffer_size()

    def reset(self) -> None:
        """Record that the client keeps up."""
        self._progress_at = None

    def watch(self, now: float) -> float:
        """Return when the client last made progress.

        Do not call this while the server writes, so that only the client changes the output.

        Args:
            now: The time, in seconds.
        """
        unsent = self.unsent
        if self._progress_at is None or self._before - unsent >= limits.DRAIN_MIN_BYTES:
            self._before, self._progress_at = unsent, now
        elif unsent > self._before:  # more output is not progress
            self._before = unsent
        return self._progress_at

    def is_stuck(self, now: float) -> bool:
        """Return whether the client has made no progress for too long. See `watch`."""
        return now - self.watch(now) >= limits.DRAIN_TIMEOUT

    def close(self) -> None:
        """Close the connection after the output is sent."""
        self._transport.close()

    def cut(self, reason: str) -> None:
        """Close the connection at once, drop its output, and count the reason."""
        if self._is_cut:
            return
        self._is_cut = True
        # Without this, the kernel keeps its part of the output for minutes.
        connection = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DROP_OUTPUT)
        CUT_CONNECTIONS.labels(reason).inc()
        self._transport.abort()
