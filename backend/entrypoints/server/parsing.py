"""Parses the requests of a connection, and refuses requests that are malformed or too large."""

from collections.abc import Sequence
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from backend.entrypoints.http.log_fields import REASON
from backend.entrypoints.http.problems.problem_details import Problem
from backend.entrypoints.http.request_ids import new_request_id, request_id
from backend.entrypoints.http.telemetry import ENDED_WITH
from backend.entrypoints.server import limits
from backend.entrypoints.server.refusals import (
    HEAD_TOO_LARGE,
    MALFORMED_HANDSHAKE,
    MALFORMED_REQUEST,
    RefusedError,
    log_refusal,
    refusal_response,
)

_PARSE_BYTES: Final = 16 * 1024
_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})
_CONNECTION: Final = frozenset({b"connection", b"proxy-connection"})


class ParsingProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a strict parser; `BoundedProtocol` adds the limits of time.

    The parser ignores trailers and offers to use another protocol (`Upgrade`), except the handshake
    of a WebSocket.

    Attributes:
        unanswered: The requests without a complete response, the oldest first.
        postponed: The next request and its app, until the client has read the response before it.
        refusal: The response after the responses to earlier requests; None to continue parsing.
        in_head: Whether the parser is inside a head.
        in_body: Whether the parser is inside a body.
        is_handshake: Whether the last head opens a WebSocket.
        head_bytes: The bytes received since the last body data or complete head.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.unanswered: list[RequestResponseCycle] = []
        self.postponed: tuple[RequestResponseCycle, Any] | None = None
        self.refusal: Problem | None = None
        self.in_head = False
        self.in_body = False
        self.is_handshake = False
        self.head_bytes = 0

    def parse(self, data: bytes) -> None:
        """Parse the data in slices, so that a limit stops the parser early."""
        for start in range(0, len(data), _PARSE_BYTES):
            if self.refusal is not None or self.transport.is_closing():
                return
            if self.is_handshake:
                self.refuse(MALFORMED_HANDSHAKE)
                return
            part = data[start : start + _PARSE_BYTES]
            self.head_bytes += len(part)
            self._parse(part)
            if self.head_bytes > limits.HEAD_MAX_BYTES and self.refusal is None:
                self.refuse(HEAD_TOO_LARGE)
        if self.is_handshake and self.refusal is None:
            self.open_websocket()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header; ignore trailers (RFC 9110, section 6.5.1).

        httptools obeys a `Connection` trailer: it would ignore all later requests in silence.
        """
        if self.in_head:
            if len(self.headers) >= limits.HEADERS_MAX:
                raise RefusedError(HEAD_TOO_LARGE)
            super().on_header(name, value)
        elif name.lower() in _CONNECTION:
            raise RefusedError(MALFORMED_REQUEST)

    def is_offer(self) -> bool:
        """Return whether the head that is complete offers to use another protocol.

        httptools does not parse the body behind such a head. `_parse` starts again without the
        offer, so that a body is never read as the next request.

        Raises:
            RefusedError: The method is CONNECT, which has no end of a body.
        """
        if not self.parser.should_upgrade():
            return False
        if self.parser.get_method() == b"CONNECT":
            raise RefusedError(MALFORMED_REQUEST)
        return True

    def open_websocket(self) -> None:
        """Hand the connection over to a WebSocket, after a complete handshake."""
        raise NotImplementedError

    def refuse(self, refusal: Problem) -> None:
        """Stop parsing; answer complete requests, then send a refusal and close."""
        self.refusal = refusal
        identity, is_logged = new_request_id(), False
        if self.in_body:  # the application cannot answer this request
            if not self.unanswered or self.unanswered[-1].response_started:
                self.transport.close()
                return
            broken = self.unanswered.pop()
            identity = request_id(broken.scope)  # type: ignore[arg-type]  # uvicorn types the scope
            is_logged = not self.pipeline and self.postponed is None  # the application logs it
            end_request(broken, refusal.status, refusal.code)
            self.postponed = None
            if self.pipeline:
                self.pipeline.popleft()
        if not self.unanswered:
            self.send_refusal(refusal, identity, is_logged=is_logged)

    def send_refusal(self, refusal: Problem, identity: str, *, is_logged: bool = False) -> None:
        """Send a refusal and close the connection; write a line to the access log."""
        if not self.transport.is_closing():
            headers = self.server_state.default_headers
            if not is_logged:
                log_refusal(refusal, identity, self.client)
            self.transport.write(refusal_response(refusal, identity, headers))
            self.transport.close()

    def _parse(self, data: bytes) -> None:
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
                if self._opens_websocket():
                    self.is_handshake = True
                    if data:  # the client must wait for the response (RFC 6455, section 4.1)
                        self.refuse(MALFORMED_HANDSHAKE)
                    return
                data = self._head_without_offer() + data
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn
                continue
            except httptools.HttpParserError as error:
                cause = error.__context__
                self.refuse(cause.refusal if isinstance(cause, RefusedError) else MALFORMED_REQUEST)
            return

    def _opens_websocket(self) -> bool:
        method, version = self.parser.get_method(), self.parser.get_http_version()
        return not self.unanswered and _is_handshake(method, version, self.headers)

    def _head_without_offer(self) -> bytes:
        method, version = self.parser.get_method(), self.parser.get_http_version()
        lines = [
            b"%b %b HTTP/%b" % (method, self.url, version.encode()),
            *(b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"),
            b"",
            b"",
        ]
        return b"\r\n".join(lines)


def end_request(cycle: RequestResponseCycle, status: int, reason: str) -> None:
    """End a request without a response of the application.

    Args:
        cycle: The request.
        status: The status for the access log and the metrics.
        reason: The reason for the access log.
    """
    cycle.scope[ENDED_WITH] = status  # type: ignore[typeddict-unknown-key]  # a key of this project
    cycle.scope[REASON] = reason  # type: ignore[typeddict-unknown-key]  # a key of this project
    cycle.disconnected = True
    cycle.message_event.set()


def _is_handshake(method: bytes, version: str, headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Return whether a head that offers another protocol opens a WebSocket (RFC 6455, section 4.1).

    Args:
        method: The method of the request.
        version: The version of HTTP, for example `1.1`.
        headers: The headers, names in lower case.
    """
    names = {name for name, _ in headers}
    offers = [value.lower() for name, value in headers if name == b"upgrade"]
    return (
        (method, version, offers) == (b"GET", "1.1", [b"websocket"])
        and b"sec-websocket-key" in names
        and names.isdisjoint(_FRAMING)
    )
