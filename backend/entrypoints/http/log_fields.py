"""The log of a request: its id, its line in the access log, and the reason for an error."""

import functools
import ipaddress
import logging
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

FIELDS: Final = (
    *("method", "route", "status", "duration_ms", "user_id", "client"),
    *("request_id", "trace_id", "reason"),
)

# A key of the scope: the reason why the response is an error. The first reason counts.
REASON: Final = "backend.reason"

# The id of the request that the current task serves, so that every line of the log has the id.
current_request_id: Final[ContextVar[str | None]] = ContextVar("request_id", default=None)

_ACCESS: Final = "backend.access"
# A client can write 64 KiB into X-Forwarded-For. The cache of addresses must not keep them.
_ADDRESS_MAX_LENGTH: Final = 64

_log = logging.getLogger(_ACCESS)


def _no_trace_id() -> None:
    return None


@dataclass(slots=True)
class CurrentTrace:
    """The trace of the current task. An app with tracing replaces the function when it is made.

    Attributes:
        find_id: Returns the id of the trace, 32 hexadecimal digits; None without a trace. A log
            line is formatted in the task that logs, so the function may read context variables.
    """

    find_id: Callable[[], str | None] = _no_trace_id


current_trace: Final = CurrentTrace()


def log_access(
    method: str,
    route: str,
    status: int,
    seconds: float,
    *,
    request_id: str,
    peer: tuple[str, int] | None,
    user_id: str | None = None,
    reason: str | None = None,
) -> None:
    """Write the line of a request to the access log.

    Args:
        method: The method, or `WEBSOCKET` for the handshake of a WebSocket.
        route: The path template of the route. Paths can contain private data.
        status: The status of the response.
        seconds: The time to respond.
        request_id: The id of the request.
        peer: The address and port of the client, as the server reports them.
        user_id: The id of the caller, if the caller is known.
        reason: Why the response is an error.
    """
    if not _log.isEnabledFor(logging.INFO):
        return
    milliseconds = round(seconds * 1000, 1)
    suffix = "" if reason is None else f" ({reason})"
    # `_log.info()` would search for the line of code that logs, which takes longer than the rest.
    record = logging.makeLogRecord(
        {
            "name": _ACCESS,
            "levelno": logging.INFO,
            "levelname": "INFO",
            "msg": f"{method} {route} {status} {milliseconds} ms{suffix}",
            "args": None,
            "method": method,
            "route": route,
            "status": status,
            "duration_ms": milliseconds,
            "user_id": user_id,
            "client": peer and _address(peer[0][:_ADDRESS_MAX_LENGTH]),
            "request_id": request_id,
            "reason": reason,
        }
    )
    _log.handle(record)


@functools.lru_cache(maxsize=1024)
def _address(host: str) -> str | None:
    """Return the address of a client; None for any other text, which a proxy may pass on."""
    try:
        return str(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        return None
