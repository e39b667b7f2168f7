"""uvicorn's WebSocket protocol with the limits of `limits.py`.

`BoundedProtocol` hands a connection over after the head of a handshake, so a handshake has the
limits of a request.
"""

import logging
from collections.abc import Coroutine, Sequence
from http import HTTPStatus
from typing import Any, Final

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.frames import CloseCode, Frame
from websockets.http11 import Request

from backend.entrypoints.http.log_fields import REASON
from backend.entrypoints.http.problems.problem_details import SHUTTING_DOWN, Problem
from backend.entrypoints.http.request_ids import request_id
from backend.entrypoints.http.telemetry import ENDED_WITH
from backend.entrypoints.server import limits
from backend.entrypoints.server.connections import Connections
from backend.entrypoints.server.output import Output
from backend.entrypoints.server.refusals import (
    MALFORMED_HANDSHAKE,
    refusal_response,
)

# At INFO, uvicorn logs URLs with query strings; at DEBUG, websockets logs headers with tokens.
# `configure_logging` would reset the level of a logger that `getLogger` makes.
_log = logging.Logger(__name__, logging.WARNING)  # noqa: LOG001 - see above
_log.parent = logging.root

_HEAD: Final = b"GET / HTTP/1.1\r\n\r\n"


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket.

    Args:
        connections: All connections of this process. This object checks the limits of time.
        **options: The arguments of uvicorn's protocol.

    Attributes:
        output: The output that waits for the client.
    """

    output: Output

    def __init__(self, *, connections: Connections, **options: Any) -> None:
        super().__init__(**options)
        self._connections = connections
        self.logger = _log
        self.conn.logger, self.conn.debug = _log, False

    def accepts(self, url: bytes, headers: Sequence[tuple[bytes, bytes]]) -> bool:
        """Read a handshake, and return whether the handshake is valid.

        Args:
            url: The target of the request.
            headers: The headers, names in lower case.
        """
        fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
        self._handshake = Request(url.decode("ascii"), Headers(fields))
        return self.conn.accept(self._handshake).status_code == HTTPStatus.SWITCHING_PROTOCOLS

    def take_over(self, transport: Any) -> None:
        """Start the app for the handshake that `accepts` has read, on its connection."""
        self.output = Output(transport)
        self.connection_made(transport)
        # The library parses this head only: its limits are too low for long tokens.
        self.conn.receive_data(_HEAD)
        self.conn.events_received()
        self.handle_connect(self._handshake)
        self.read_paused = True  # until the app reads
        transport.pause_reading()
        transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        """Read frames. The client must wait for the response (RFC 6455, section 4.1)."""
        if self.handshake_complete:
            super().data_received(data)
        else:
            self._refuse(MALFORMED_HANDSHAKE)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection, and notify the app."""
        self._connections.remove(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Watch a client that does not read the messages of the app."""
        super().pause_writing()
        self._connections.set_unread(self, self.loop.time())

    def resume_writing(self) -> None:
        """Let the app continue to send."""
        super().resume_writing()
        self._connections.set_read(self)

    def handle_cont(self, event: Frame) -> None:
        """Add a fragment to a message. Empty fragments do not count in the size of a message."""
        if self.close_sent:
            return
        if len(self.frames) < limits.FRAGMENTS_MAX:
            super().handle_cont(event)
        else:
            self.conn.fail(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
            self.handle_parser_exception()

    def send(self, message: ASGISendEvent) -> Coroutine[Any, Any, None]:
        """Send a message of the app."""
        if message["type"] == "websocket.http.response.body":
            return self._send_body(message)
        return super().send(message)

    async def _send_body(self, message: ASGISendEvent) -> None:
        await super().send(message)
        # Without this, uvicorn logs an error for every handshake that the app refuses.
        self.handshake_complete = self.close_sent

    def shutdown(self) -> None:
        """Close the WebSocket; refuse a handshake that the app has not answered."""
        self._connections.stopping = True
        if self.handshake_complete or self.initial_response is not None:
            super().shutdown()
        else:
            self._refuse(SHUTTING_DOWN)

    def check(self, now: float) -> None:
        """Cut the connection if the client has not read its output for too long."""
        may_write = self.writable.is_set() and not self.transport.is_closing()
        if may_write or not self.output.unsent:
            self.output.reset()
        elif self.output.is_stuck(now):
            self.output.cut("slow_reader")

    def _refuse(self, refusal: Problem) -> None:
        """Answer the handshake in place of the app."""
        scope: Any = self.scope  # uvicorn types the scope
        scope[ENDED_WITH], scope[REASON] = refusal.status, refusal.code
        headers = self.default_headers
        self.transport.write(refusal_response(refusal, request_id(scope), headers))
        self.transport.close()
