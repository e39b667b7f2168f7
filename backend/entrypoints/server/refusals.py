"""Requests that the server refuses before the application: the problem, log line and metric."""

import json
from collections.abc import Iterable
from contextvars import Context
from http import HTTPStatus
from typing import Final

from backend.entrypoints.http.log_fields import log_access
from backend.entrypoints.http.metrics.series import SERVER_REFUSALS
from backend.entrypoints.http.problems.problem_details import (
    MEDIA_TYPE,
    Problem,
    problem_content,
    reason_phrase,
)

MALFORMED_REQUEST: Final = Problem(
    status=HTTPStatus.BAD_REQUEST,
    code="malformed_request",
    detail="The request is not valid HTTP/1.1.",
)
HEAD_TOO_LARGE: Final = Problem(
    status=HTTPStatus.BAD_REQUEST,
    code="head_too_large",
    detail="The head of the request has more than 64 KiB, or more than 128 headers.",
)
TOO_MANY_PIPELINED: Final = Problem(
    status=HTTPStatus.BAD_REQUEST,
    code="too_many_pipelined_requests",
    detail="Too many requests wait for the response to an earlier request.",
)
TOO_MANY_CONNECTIONS: Final = Problem(
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    code="too_many_connections",
    detail="The server has too many connections. Try again after `Retry-After` seconds.",
    headers={"retry-after": "1"},
)
MALFORMED_HANDSHAKE: Final = Problem(
    status=HTTPStatus.BAD_REQUEST,
    code="malformed_handshake",
    detail="The handshake does not open a WebSocket of version 13 (RFC 6455).",
    headers={"sec-websocket-version": "13"},  # RFC 6455, section 4.4
)
TOO_MANY_WEBSOCKETS: Final = Problem(
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    code="too_many_websockets",
    detail="The server has too many WebSockets. Try again after `Retry-After` seconds.",
    headers={"retry-after": "10"},
)


class RefusedError(ValueError):
    """A callback of the parser refuses the request.

    Attributes:
        refusal: The problem to send.
    """

    def __init__(self, refusal: Problem) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


def log_refusal(refusal: Problem, identity: str, peer: tuple[str, int] | None) -> None:
    """Write the line in the access log of a request that the application does not see.

    Args:
        refusal: The problem that is sent.
        identity: The id of the request.
        peer: The address and port of the client.
    """
    # The line must not have the trace of an earlier request, because its task may run this code.
    Context().run(
        log_access,
        *("OTHER", "unmatched", refusal.status, 0.0),
        request_id=identity,
        peer=peer,
        reason=refusal.code,
    )


def refusal_response(
    refusal: Problem, identity: str, headers: Iterable[tuple[bytes, bytes]]
) -> bytes:
    """Return the bytes of a response that ends the connection, and count the refusal.

    Args:
        refusal: The problem to send. Its code is the reason in the metric.
        identity: The id of the request.
        headers: The headers that the server adds to every response.
    """
    SERVER_REFUSALS.labels(refusal.code).inc()
    body = json.dumps(problem_content(refusal, identity), separators=(",", ":")).encode()
    lines = [
        f"HTTP/1.1 {refusal.status} {reason_phrase(refusal.status)}".encode(),
        *(b"%b: %b" % header for header in headers),
        f"content-type: {MEDIA_TYPE}".encode(),
        b"content-length: %d" % len(body),
        b"cache-control: no-store",
        b"x-content-type-options: nosniff",
        f"x-request-id: {identity}".encode(),
        *(f"{name}: {value}".encode() for name, value in refusal.headers.items()),
        b"connection: close",
        b"",
        body,
    ]
    return b"\r\n".join(lines)
