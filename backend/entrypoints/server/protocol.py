"""uvicorn's HTTP/1.1 protocol, with limits on the resources of each client.

httptools accepts a request head of any size, and uvicorn waits for the end of the head without a
timeout. Anybody can open a connection, so `BoundedProtocol` limits the memory and the time that a
connection can cost.
"""

from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from backend.entrypoints.http.metrics.series import CUT_CONNECTIONS
from backend.entrypoints.http.problems.problem_details import SHUTTING_DOWN
from backend.entrypoints.http.request_ids import new_request_id
from backend.entrypoints.http.telemetry import CLIENT_GONE
from backend.entrypoints.server import limits
from backend.entrypoints.server.connections import Connections
from backend.entrypoints.server.output import Output
from backend.entrypoints.server.parsing import ParsingProtocol, end_request
from backend.entrypoints.server.refusals import (
    MALFORMED_HANDSHAKE,
    TOO_MANY_CONNECTIONS,
    TOO_MANY_PIPELINED,
    TOO_MANY_WEBSOCKETS,
    RefusedError,
)


class BoundedProtocol(ParsingProtocol):
    """A connection, with the limits of `limits.py`.

    No limit of time closes a connection while a complete request waits for its response. A request
    starts only when the client has read enough of the response before it.

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
        self._admitted = True
        self._is_idle = False
        self._deadline = limits.ReadDeadline(self.loop.time() + limits.HEAD_TIMEOUT)

    def connection_made(self, transport: Any) -> None:
        """Register the connection. Above the limit, it may only wait for its refusal."""
        super().connection_made(transport)
        self.output = Output(transport)
        self._admitted = self._connections.add(self, self.loop)
        if not self._admitted:
            self._deadline.at = self.loop.time() + limits.REFUSAL_TIMEOUT

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel every unanswered request of a lost client; uvicorn cancels only the last."""
        self._connections.remove(self)
        self.postponed = None
        for cycle in self.unanswered:
            end_request(cycle, CLIENT_GONE, "client_gone")
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the data of a client, or refuse a connection above the limit."""
        if not self._admitted:
            self.refuse(TOO_MANY_CONNECTIONS)
            return
        if self._is_idle:
            self._is_idle = False
            self._expect_head()
        self.parse(data)

    def on_message_begin(self) -> None:
        """Start a request, unless too many requests are waiting."""
        if len(self.pipeline) >= limits.PIPELINED_MAX:
            raise RefusedError(TOO_MANY_PIPELINED)
        super().on_message_begin()
        self.in_head = True
        self._expect_head()

    def on_headers_complete(self) -> None:
        """Pass the request to the application."""
        if self.is_offer():
            return
        self.head_bytes = 0
        super().on_headers_complete()  # raises an error if the request target is malformed
        self.in_head, self.in_body = False, True
        self._connections.set_busy(self)
        self.unanswered.append(self.cycle)
        if self._connections.stopping:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Add data to the body. The route limits its size."""
        self.head_bytes = 0
        super().on_body(body)
        if self.unanswered:  # after the response, the time for the rest does not start again
            self._deadline.add_body(self.loop.time(), len(body))

    def on_message_complete(self) -> None:
        """Wait for the next request, if the response was sent before the end of the body."""
        if self.in_head:
            return  # `is_offer`
        self.in_body = False
        super().on_message_complete()
        if not self.unanswered:
            self._set_idle()

    def on_response_complete(self) -> None:
        """Continue with the next request. This replaces uvicorn's method, which starts a timer."""
        self.server_state.total_requests += 1
        del self.unanswered[0]
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self.refusal is not None:
            self.send_refusal(self.refusal, new_request_id())
        elif self.in_head or self.in_body:
            self._expect_head()
            self._connections.set_idle(self)  # a new connection may replace this connection
        else:
            self._set_idle()

    def pause_writing(self) -> None:
        """Watch a client that does not read its response."""
        super().pause_writing()
        self._connections.set_unread(self, self.loop.time())

    def resume_writing(self) -> None:
        """Start the request that waited until the client read the response before it."""
        super().resume_writing()
        self._connections.set_read(self)
        if self.postponed is not None and not self.transport.is_closing():
            postponed, self.postponed = self.postponed, None
            self._start_asgi_task(*postponed)

    def open_websocket(self) -> None:
        """Hand the connection over to a WebSocket, or refuse the handshake."""
        # The import takes about 10 ms, and this project has no WebSockets of its own.
        from backend.entrypoints.server.websockets import BoundedWebSocket  # noqa: PLC0415 - slow

        websocket = BoundedWebSocket(
            connections=self._connections,
            config=self.config,
            server_state=self.server_state,
            app_state=self.app_state,
        )
        if self._connections.stopping:
            self.refuse(SHUTTING_DOWN)
        elif not websocket.accepts(self.url, self.headers):
            self.refuse(MALFORMED_HANDSHAKE)
        elif not self._connections.become_websocket(self, websocket):
            self.refuse(TOO_MANY_WEBSOCKETS)
        else:
            self.connections.discard(self)
            websocket.take_over(self.transport)
            if self.flow.write_paused:
                websocket.pause_writing()

    def shutdown(self) -> None:
        """Close the connection; if its first request is on the way, answer that request first."""
        self._connections.stopping = True
        if self._is_idle or self.unanswered:
            super().shutdown()
        else:
            stop = self.loop.time() + limits.STOP_TIMEOUT
            self._deadline.at = min(self._deadline.at, stop)

    def check(self, now: float) -> None:
        """End the connection if a limit of time is exceeded."""
        if self._is_stuck(now):
            self.output.cut("slow_reader")
        elif self._is_late(now):
            if not self._is_idle:
                CUT_CONNECTIONS.labels("slow_body" if self.unanswered else "slow_head").inc()
            self.transport.close()

    def _is_stuck(self, now: float) -> bool:
        """Return whether the client has not read its output for too long."""
        closing = self.transport.is_closing()
        may_write = self.unanswered and not self.flow.write_paused and not closing
        if may_write or not self.output.unsent:
            self.output.reset()
            return False
        if self._is_idle:
            self._set_idle()  # the time between two requests starts when the client has read all
        return self.output.is_stuck(now)

    def _is_late(self, now: float) -> bool:
        """Return whether the client has missed the deadline for its next data."""
        if self.transport.is_closing() or self.flow.read_paused or now < self._deadline.at:
            return False
        # While a complete request has no response, the client waits for the server.
        return not self.unanswered or self.unanswered[0].more_body

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if self.flow.write_paused:
            self.flow.pause_reading()
            self.postponed = cycle, app
            return
        self._deadline.expect_body(self.loop.time(), len(cycle.body))
        super()._start_asgi_task(cycle, app)

    def _expect_head(self) -> None:
        self._deadline.at = self.loop.time() + limits.HEAD_TIMEOUT

    def _set_idle(self) -> None:
        self._is_idle = True
        self._deadline.at = self.loop.time() + self.timeout_keep_alive
        self._connections.set_idle(self)
