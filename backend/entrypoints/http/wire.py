"""HTTP/1.1 from strangers: uvicorn's protocol, with a bound for all that comes before a route.

httptools accepts a request's head of any length, uvicorn waits for it for any time, and takes the
trailers behind a body for headers. None of it needs credentials, so none of it may cost much.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_MAX_BYTES: Final = 64 * 1024
PIPELINED_MAX: Final = 16
PATIENCE: Final = 10.0

_PIECE: Final = 16 * 1024


class BoundedProtocol(HttpToolsProtocol):
    """One connection: a head of 64 KiB and 10 s at most, and at most 16 requests in advance."""

    _deadline: asyncio.TimerHandle
    _unanswered: list[RequestResponseCycle]
    _in_head = False
    _beside_bodies = 0  # bytes of request lines, headers, chunk extensions and trailers

    def connection_made(self, transport: Any) -> None:
        """Wait for a first request, but not for long."""
        super().connection_made(transport)
        self._unanswered = []
        self._deadline = self.loop.call_later(PATIENCE, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell every request that is not answered; uvicorn tells the latest only."""
        self._deadline.cancel()
        for cycle in self._unanswered:
            cycle.disconnected = True
            cycle.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came in pieces, so that no long one is parsed before it is refused."""
        if not self._unanswered and self._deadline.cancelled():
            self._wait()
        for start in range(0, len(data), _PIECE):
            if self.transport.is_closing():
                return
            piece = data[start : start + _PIECE]
            self._beside_bodies += len(piece)
            super().data_received(piece)
            if self._beside_bodies > HEAD_MAX_BYTES and not self.transport.is_closing():
                self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        """Begin a request, if there are not too many before it."""
        if len(self.pipeline) >= PIPELINED_MAX:
            raise ValueError("too many requests in advance")  # which the parser takes for an error
        super().on_message_begin()
        self._in_head = True
        self._wait()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; a trailer is none (RFC 9110, section 6.5.1)."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hand the request to the application."""
        self._in_head = False
        self._beside_bodies = 0
        self._deadline.cancel()
        super().on_headers_complete()
        self._unanswered.append(self.cycle)

    def on_body(self, body: bytes) -> None:
        """Take a part of a body; how much of it is read is for the route to say."""
        self._beside_bodies = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        self._deadline.cancel()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on to the next request; what is still sent of an answered one has a time to end."""
        answered = self._unanswered.pop(0)
        super().on_response_complete()
        if answered.more_body:
            self._wait()

    def _wait(self) -> None:
        self._deadline.cancel()
        self._deadline = self.loop.call_later(PATIENCE, self.transport.close)
