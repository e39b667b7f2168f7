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
BODY_PATIENCE: Final = 30.0
PACE: Final = 1024  # bytes a second: slower than any link that is still in use

_PIECE: Final = 16 * 1024


class BoundedProtocol(HttpToolsProtocol):
    """One connection: a head of 64 KiB and 10 s at most, and at most 16 requests in advance.

    Who sends nothing more of a body is waited for for 30 s, and who reads no answers for 10 s and
    a second for every KiB that is still to be sent.
    """

    _deadline: asyncio.TimerHandle
    _watch: asyncio.TimerHandle
    _unanswered: list[RequestResponseCycle]
    _reading: asyncio.TimerHandle | None = None
    _refusal: str | None = None
    _in_head = False
    _beside_bodies = 0  # bytes of request lines, headers, chunk extensions and trailers

    def connection_made(self, transport: Any) -> None:
        """Wait for a first request, but not for long."""
        super().connection_made(transport)
        self._unanswered = []
        self._deadline = self.loop.call_later(PATIENCE, self._give_up)
        self._look_after()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell every request that is not answered; uvicorn tells the latest only."""
        self._deadline.cancel()
        self._watch.cancel()
        self.resume_writing()
        for cycle in self._unanswered:
            cycle.disconnected = True
            cycle.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came in pieces, so that no long one is parsed before it is refused."""
        if not self._unanswered and self._deadline.cancelled():
            self._wait()
        for start in range(0, len(data), _PIECE):
            if self._refusal is not None or self.transport.is_closing():
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
        """Hand the request to the application.

        The parser takes what comes behind an upgrade for another protocol, which is not spoken
        here: a body there would be the next request.
        """
        self._in_head = False
        self._beside_bodies = 0
        if self.parser.should_upgrade() and any(
            name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
            for name, value in self.headers
        ):
            raise ValueError("a body behind an upgrade")
        super().on_headers_complete()
        self._unanswered.append(self.cycle)
        if self.parser.should_upgrade():
            self.cycle.keep_alive = False
        self._wait(BODY_PATIENCE)

    def on_body(self, body: bytes) -> None:
        """Take a part of a body; how much of it is read is for the route to say."""
        self._beside_bodies = 0
        super().on_body(body)
        if self._unanswered:  # else its time is running already
            self._wait(BODY_PATIENCE)

    def on_message_complete(self) -> None:
        """End a request."""
        self._deadline.cancel()
        super().on_message_complete()
        if not self._unanswered:
            self._wait()

    def on_response_complete(self) -> None:
        """Go on to the next request; what is still sent of an answered one has a time to end."""
        answered = self._unanswered.pop(0)
        super().on_response_complete()
        if answered.more_body or self._in_head:
            self._wait()
        if self._refusal is not None and not self._unanswered:
            self.send_400_response(self._refusal)

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be understood, behind the answers to what could be."""
        if self._unanswered:
            self._refusal = msg
        elif not self.transport.is_closing():
            super().send_400_response(msg)

    def pause_writing(self) -> None:
        """Wait for a client that does not read, but not for long."""
        super().pause_writing()
        self._reading = self.loop.call_later(self._time_to_read(), self.transport.abort)

    def resume_writing(self) -> None:
        """Go on with a client that reads."""
        super().resume_writing()
        if self._reading is not None:
            self._reading.cancel()

    def _wait(self, patience: float | None = None) -> None:
        self._deadline.cancel()
        self._deadline = self.loop.call_later(patience or PATIENCE, self._give_up)

    def _give_up(self) -> None:
        if len(self._unanswered) > (0 if self._in_head else 1):
            self._wait()  # for ourselves: nothing more is read before they are answered
        else:
            self.transport.close()

    def _look_after(self) -> None:
        if self.transport.is_closing():  # which waits for all to be sent: to nobody, forever
            self._watch = self.loop.call_later(self._time_to_read(), self.transport.abort)
        else:
            self._watch = self.loop.call_later(PATIENCE, self._look_after)

    def _time_to_read(self) -> float:
        return PATIENCE + self.transport.get_write_buffer_size() / PACE
