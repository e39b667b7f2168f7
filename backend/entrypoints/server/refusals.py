"""What the server refuses before the application sees it: a problem, a log line, a metric."""

import json
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from backend.entrypoints.http.metrics import REFUSED
from backend.entrypoints.http.problems.problem_details import MEDIA_TYPE

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A response that the server sends in place of the application.

    Attributes:
        status: The status code.
        code: A stable name of the error, which is also the reason in the log and in the metric.
        detail: What went wrong, for people.
        retry_after: Seconds after which a client may try again; 0 to name none.
    """

    status: HTTPStatus
    code: str
    detail: str
    retry_after: int = 0


MALFORMED_REQUEST: Final = Refusal(
    HTTPStatus.BAD_REQUEST, "malformed_request", "The request is not valid HTTP/1.1."
)
HEAD_TOO_LARGE: Final = Refusal(
    HTTPStatus.BAD_REQUEST,
    "head_too_large",
    "The head of the request has more than 64 KiB, or more than 128 headers.",
)
TOO_MANY_PIPELINED: Final = Refusal(
    HTTPStatus.BAD_REQUEST,
    "too_many_pipelined_requests",
    "Too many requests wait for the response to an earlier request.",
)
TOO_MANY_CONNECTIONS: Final = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "too_many_connections",
    "The server has too many connections. Try again after `Retry-After` seconds.",
    retry_after=1,
)


class RefusedError(ValueError):
    """A callback of the parser refuses the request.

    Attributes:
        refusal: The response.
    """

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


def new_request_id() -> str:
    """Return an id for a request whose head could not be read."""
    return os.urandom(8).hex()


def refusal_response(
    refusal: Refusal, request_id: str, headers: Iterable[tuple[bytes, bytes]]
) -> bytes:
    """Return the bytes of a response that ends the connection; log and count the refusal.

    Args:
        refusal: What to answer.
        request_id: The id of the request.
        headers: The headers that the server adds to every response.
    """
    _log.info("refused: %s", refusal.code, extra={"request_id": request_id, "reason": refusal.code})
    REFUSED.labels(refusal.code).inc()
    content = {
        "type": "about:blank",
        "title": refusal.status.phrase,
        "status": refusal.status,
        "code": refusal.code,
        "detail": refusal.detail,
        "request_id": request_id,
    }
    body = json.dumps(content, separators=(",", ":")).encode()
    lines = [
        f"HTTP/1.1 {refusal.status.value} {refusal.status.phrase}".encode(),
        *(b"%b: %b" % header for header in headers),
        f"content-type: {MEDIA_TYPE}".encode(),
        b"content-length: %d" % len(body),
        b"cache-control: no-store",
        b"x-content-type-options: nosniff",
        f"x-request-id: {request_id}".encode(),
        *([b"retry-after: %d" % refusal.retry_after] if refusal.retry_after else []),
        b"connection: close",
        b"",
        body,
    ]
    return b"\r\n".join(lines)
