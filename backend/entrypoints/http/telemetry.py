"""What a request leaves behind: an id, a line in the log, a count in the metrics."""

import functools
import logging
import os
import re
import time
from collections.abc import Awaitable
from typing import Final

from fastapi import APIRouter, Request, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.domain.diagnosis import KeySetState

REQUESTS: Final = Counter("http_requests", "Answers given.", ["method", "route", "status"])
SECONDS: Final = Histogram("http_request_seconds", "Time to answer.", ["method", "route"])
REFUSALS: Final = Counter("auth_refusals", "Requests answered with 401, by reason.", ["reason"])

COUNTED_AT_ONCE: Final = 64

router = APIRouter(include_in_schema=False)

_ID_HEADER: Final = b"x-request-id"
_NO_SNIFFING: Final = (b"x-content-type-options", b"nosniff")
_OWN: Final = frozenset({_ID_HEADER, _NO_SNIFFING[0]})
_ID: Final = "backend.request_id"
_ACCEPTABLE_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_log = logging.getLogger(__name__)
_access_log = logging.getLogger("backend.access")
_uncounted: Final[list[tuple[str, str, int, float]]] = []


def request_id(scope: Scope) -> str:
    """Return the id of a request: its own X-Request-ID if that is well-formed, else a new one."""
    known: str | None = scope.get(_ID)
    if known is None:
        sent = [value for name, value in scope["headers"] if name == _ID_HEADER]
        acceptable = sent and _ACCEPTABLE_ID.fullmatch(sent[0])
        known = scope[_ID] = sent[0].decode() if acceptable else os.urandom(8).hex()
    return known


def count_refusal(reason: str) -> None:
    """Count one refused request by its precise reason."""
    REFUSALS.labels(reason).inc()


class Telemetry:
    """Pure ASGI middleware that gives every request its id, log line and metrics."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        identity = request_id(scope)
        status = 500

        def send_with_id(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [one for one in message["headers"] if one[0] not in _OWN]
                headers += (_ID_HEADER, identity.encode()), _NO_SNIFFING
                message["headers"] = headers
            return send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            _leave_behind(scope, status, time.perf_counter() - started)


def _leave_behind(scope: Scope, status: int, seconds: float) -> None:
    method = scope["method"] if scope["method"] in _METHODS else "OTHER"
    route = getattr(scope.get("route"), "path", "unmatched")
    _uncounted.append((method, route, status, seconds))
    if len(_uncounted) >= COUNTED_AT_ONCE:
        count_answers()
    if _access_log.isEnabledFor(logging.INFO):
        _access_log.info(
            "%s %s %d %.1f ms",
            method,
            route,
            status,
            seconds * 1000,
            extra={"request_id": request_id(scope)},
        )


def count_answers() -> None:
    """Count the answers that are not counted yet.

    Many in a row fetch the code that counts into the processor's caches once; each request would
    find it gone from there. `/metrics` counts what is left first; whoever else reads prometheus's
    registry calls this before.
    """
    while _uncounted:
        method, route, status, seconds = _uncounted.pop()
        try:
            requests, latency = _series(method, route, status)
            requests.inc()
            latency.observe(seconds)
        except Exception:  # noqa: BLE001 - it is another request that would fail
            _log.exception("an answer was not counted")


@functools.lru_cache(maxsize=512)
def _series(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """Find the series of one kind of answer, which takes longer than to count in them."""
    return REQUESTS.labels(method, route, status), SECONDS.labels(method, route)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Return the metrics of this process in Prometheus's text format."""
    count_answers()
    state = request.app.state.key_set_state
    text = generate_latest() + (_key_set_metrics(state()) if state else b"")
    return Response(text, media_type=CONTENT_TYPE_LATEST)


def _key_set_metrics(state: KeySetState) -> bytes:
    """Write down the state of the key set as it is now."""
    registry = CollectorRegistry()
    for name, value, meaning in (
        ("usable", state.usable, "Whether tokens can be verified by the key set."),
        ("keys", len(state.kids), "Keys that are of use."),
        ("rejected_keys", len(state.rejected), "Keys that are of none."),
        ("age_seconds", state.age, "Time since the last good fetch."),
        ("attempted_seconds", state.attempted, "Time since the last attempt."),
        ("failing", state.error is not None, "Whether the last attempt failed."),
    ):
        if value is not None:
            Gauge(f"auth_key_set_{name}", meaning, registry=registry).set(value)
    return generate_latest(registry)
