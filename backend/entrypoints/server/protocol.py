"""uvicorn's HTTP/1.1 protocol with limits on what a client may send before it is authenticated.

httptools accepts a request head of any size, and uvicorn waits for its end without a timeout.
The trailers after a chunked body become headers. Anybody can open a connection, so
`BoundedProtocol` limits the memory and the time that a connection can cost.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_MAX_BYTES: Final = 64 * 1024
PIPELINED_MAX: Final = 16
HEAD_TIMEOUT: Final = 10.0  # seconds
BODY_TIMEOUT: Final = 30.0  # seconds
WRITE_TIMEOUT: Final = 10.0  # seconds
WRITE_MIN_RATE: Final = 1024  # bytes a second, slower than any network link in use

_PARSE_BYTES: Final = 16 * 1024


class BoundedProtocol(HttpToolsProtocol):
    """One connection.

    | limited                                                | limit               | then  |
    |--------------------------------------------------------|---------------------|-------|
    | request line and headers                               | 64 KiB              | 400   |
    | chunk sizes, extensions and trailers between body data | 64 KiB              | 400   |
    | pipelined requests that wait for the first response    | 16                  | 400   |
    | time until a head is complete                          | 10 s                | close |
    | time between two pieces of a body                      | 30 s                | close |
    | time for the rest of a body after the response         | 10 s                | close |
    | time for the client to read pending output             | 10 s + 1 s per KiB  | abort |

    - 400: nothing more is parsed. Complete requests get their responses, then the client gets a
      400 and the connection is closed. A request with an incomplete body ends by its timeout.
    - close: the connection is closed after pending output is sent.
    - abort: the connection is closed at once, and pending output is dropped. The timer runs while
      the output buffer is full (64 KiB), and while the connection is closing.

    A read timeout closes nothing while earlier requests wait for their responses, because uvicorn
    may have stopped reading. Trailers are ignored. A request with `Upgrade` gets an HTTP/1.1
    response and the connection is closed; with a body, it gets a 400.
    """

    _read_timer: asyncio.TimerHandle
    _closing_timer: asyncio.TimerHandle
    _write_timer: asyncio.TimerHandle | None = None
    _unanswered: list[RequestResponseCycle]
    _pending_error: str | None = None  # the text of a 400 that waits for earlier responses
    _in_head = False
    _head_bytes = 0  # received since the last body data or complete head

    def connection_made(self, transport: Any) -> None:
        """Start the timer for the first request."""
        super().connection_made(transport)
        self._unanswered = []
        self._read_timer = self.loop.call_later(HEAD_TIMEOUT, self._on_read_timeout)
        self._check_closing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell every unanswered request that the client is gone; uvicorn tells only the last."""
        self._read_timer.cancel()
        self._closing_timer.cancel()
        self.resume_writing()
        for cycle in self._unanswered:
            cycle.disconnected = True
            cycle.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the data in slices, so that a limit stops the parser early."""
        if not self._unanswered and self._read_timer.cancelled():
            self._start_read_timer(HEAD_TIMEOUT)
        for start in range(0, len(data), _PARSE_BYTES):
            if self._pending_error is not None or self.transport.is_closing():
                return
            part = data[start : start + _PARSE_BYTES]
            self._head_bytes += len(part)
            super().data_received(part)
            if self._head_bytes > HEAD_MAX_BYTES and not self.transport.is_closing():
                self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        """Start a request, unless too many requests are waiting."""
        if len(self.pipeline) >= PIPELINED_MAX:
            raise ValueError("too many pipelined requests")  # httptools makes it a parser error
        super().on_message_begin()
        self._in_head = True
        self._start_read_timer(HEAD_TIMEOUT)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header; ignore trailers (RFC 9110, section 6.5.1)."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Pass the request to the application.

        After an upgrade request, httptools stops parsing HTTP. uvicorn does not upgrade here and
        would parse the body as the next request, so an upgrade with a body is rejected.
        """
        self._in_head = False
        self._head_bytes = 0
        if self.parser.should_upgrade() and any(
            name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
            for name, value in self.headers
        ):
            raise ValueError("an upgrade request with a body")
        super().on_headers_complete()
        self._unanswered.append(self.cycle)
        if self.parser.should_upgrade():
            self.cycle.keep_alive = False
        self._start_read_timer(BODY_TIMEOUT)

    def on_body(self, body: bytes) -> None:
        """Add data to the body. The route limits its size."""
        self._head_bytes = 0
        super().on_body(body)
        if self._unanswered:  # after the response, the timer for the rest keeps running
            self._start_read_timer(BODY_TIMEOUT)

    def on_message_complete(self) -> None:
        """Stop the timer of the body."""
        self._read_timer.cancel()
        super().on_message_complete()
        if not self._unanswered:
            self._start_read_timer(HEAD_TIMEOUT)

    def on_response_complete(self) -> None:
        """Continue with the next request, and limit the time for the rest of the body."""
        answered = self._unanswered.pop(0)
        super().on_response_complete()
        if answered.more_body or self._in_head:
            self._start_read_timer(HEAD_TIMEOUT)
        if self._pending_error is not None and not self._unanswered:
            self.send_400_response(self._pending_error)

    def send_400_response(self, msg: str) -> None:
        """Send a 400 and close, but send the responses to earlier requests first."""
        if self._unanswered:
            self._pending_error = msg
        elif not self.transport.is_closing():
            super().send_400_response(msg)

    def pause_writing(self) -> None:
        """Start the timer of a client that does not read its response."""
        super().pause_writing()
        self._write_timer = self.loop.call_later(self._write_timeout(), self.transport.abort)

    def resume_writing(self) -> None:
        """Stop the timer of a client that does not read its response."""
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()

    def _start_read_timer(self, seconds: float) -> None:
        self._read_timer.cancel()
        self._read_timer = self.loop.call_later(seconds, self._on_read_timeout)

    def _on_read_timeout(self) -> None:
        incomplete = 0 if self._in_head else 1  # a head in progress is not in `_unanswered` yet
        if len(self._unanswered) > incomplete:
            # Earlier requests have no response yet, so uvicorn has stopped reading.
            self._start_read_timer(HEAD_TIMEOUT)
        else:
            self.transport.close()

    def _check_closing(self) -> None:
        """Abort a closing connection whose client does not read the rest of the output.

        A closing transport waits for that without a time limit, and reports nothing.
        """
        if self.transport.is_closing():
            self._closing_timer = self.loop.call_later(self._write_timeout(), self.transport.abort)
        else:
            self._closing_timer = self.loop.call_later(WRITE_TIMEOUT, self._check_closing)

    def _write_timeout(self) -> float:
        return WRITE_TIMEOUT + self.transport.get_write_buffer_size() / WRITE_MIN_RATE
