"""The limits of a connection and of a process.

| limited                                                | limit               | then  |
|--------------------------------------------------------|---------------------|-------|
| request line and headers                               | 64 KiB, 128 headers | 400   |
| chunk sizes, extensions and trailers between body data | 64 KiB              | 400   |
| pipelined requests that wait for the first response    | 16                  | 400   |
| time until a head is complete                          | 10 s                | close |
| time between two pieces of a body                      | 30 s                | close |
| time for a whole body                                  | 30 s + 1 s per KiB  | close |
| time for the rest of a body after the response         | 10 s                | close |
| time between two requests                              | `KEEP_ALIVE`        | close |
| time for the client to read 16 KiB of pending output   | 10 s                | cut   |
| connections of a process                               | 1,000               | 503   |
| WebSockets of a process                                | 3/4 of these        | 503   |
| message of a WebSocket                                 | 64 KiB, 1,024 parts | 1009  |
| time until a WebSocket answers a ping (every 20 s)     | 20 s                | 1011  |
| pending output of a process                            | 64 MiB              | cut   |

- 400, 503: the server stops parsing. Complete requests get their responses, then the client gets a
  problem and the connection is closed.
- close: the connection is closed after pending output is sent.
- 1009, 1011: the WebSocket is closed with this code (RFC 6455, section 7.4).
- cut: the connection is closed at once, and pending output is dropped.
"""

from typing import Final

HEAD_MAX_BYTES: Final = 64 * 1024
HEADERS_MAX: Final = 128
PIPELINED_MAX: Final = 16
HEAD_TIMEOUT: Final = 10.0  # seconds
BODY_TIMEOUT: Final = 30.0  # seconds
BODY_MIN_RATE: Final = 1024  # bytes a second, slower than any network link in use
DRAIN_TIMEOUT: Final = 10.0  # seconds
DRAIN_MIN_BYTES: Final = 16 * 1024
REFUSAL_TIMEOUT: Final = 1.0  # seconds until a connection above the limit sends its request
STOP_TIMEOUT: Final = 1.0  # seconds for the first request of a connection while the server stops

CONNECTIONS_MAX: Final = 1_000
WEBSOCKETS_SHARE: Final = 0.75  # of the connections: open WebSockets must not lock out requests
MESSAGE_MAX_BYTES: Final = 64 * 1024  # as the body of a request
FRAGMENTS_MAX: Final = 1024
PING_INTERVAL: Final = 20.0  # seconds
PONG_TIMEOUT: Final = 20.0
UNSENT_MAX_BYTES: Final = 64 * 1024 * 1024
CHECK_INTERVAL: Final = 1.0  # seconds; a limit of time can be exceeded by this much


class ReadDeadline:
    """The deadline for the next data of a client.

    Attributes:
        at: The deadline, in seconds.
    """

    __slots__ = ("_body_bytes", "_body_start", "at")

    def __init__(self, at: float) -> None:
        self.at = at
        self._body_start = at
        self._body_bytes = 0

    def expect_body(self, now: float, received: int) -> None:
        """Expect the rest of a body.

        Args:
            now: The time, in seconds.
            received: The bytes that have arrived with the head.
        """
        self._body_start = now
        self._body_bytes = 0
        self.add_body(now, received)

    def add_body(self, now: float, received: int) -> None:
        """Extend the deadline, because a piece of the body has arrived.

        The length in the head does not count: a client could announce any length.
        """
        self._body_bytes += received
        earliest = self._body_start + self._body_bytes / BODY_MIN_RATE
        self.at = min(now, earliest) + BODY_TIMEOUT
