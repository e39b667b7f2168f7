"""The counters: responses with their durations, verifications, refusals, cut connections."""

import functools
import logging
from typing import Final

from prometheus_client import Counter, Histogram, disable_created_metrics

from backend.entrypoints.http.counters import counters
from backend.entrypoints.http.metrics import workers

BATCH_SIZE: Final = 64
COMMON_FOLDER: Final = workers.join()  # before the first metric is made

# A further time series for each counter; several workers have none.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no types here

DURATION: Final = Histogram(
    "http_request_duration_seconds",
    "Time to respond.",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
UNAVAILABLE: Final = Counter("http_unavailable", "Responses with status 503, by cause.", ["cause"])
SERVER_REFUSALS: Final = Counter(
    "http_refusals", "Responses that the server sent in place of the application.", ["reason"]
)
CUT_CONNECTIONS: Final = Counter(
    "http_connections_cut", "Connections that the server cut.", ["reason"]
)
VERIFICATIONS: Final = Counter(
    "auth_verifications",
    "Requests whose credentials were verified, by outcome and exact reason.",
    ["outcome", "reason"],
)
WORKER_STARTS: Final = Counter("server_worker_starts", "Starts of worker processes.")

_log = logging.getLogger(__name__)
_accepted: Final = VERIFICATIONS.labels("accepted", "")
_undecided: Final = VERIFICATIONS.labels("unavailable", "verifier_unavailable")
# The series exist from the start, so that the first event is an increase.
for _cause in ("verifier", "database"):
    UNAVAILABLE.labels(_cause)
for _reason in ("slow_head", "slow_body", "slow_reader", "unsent_output", "too_many_connections"):
    CUT_CONNECTIONS.labels(_reason)

_batch: Final[list[tuple[str, str, int, float]]] = []


def _count_refusal(reason: str) -> None:
    VERIFICATIONS.labels("refused", reason).inc()


def _count_unavailable(cause: str) -> None:
    UNAVAILABLE.labels(cause).inc()
    if cause == "verifier":
        _undecided.inc()


counters.refusal = _count_refusal
counters.unavailable = _count_unavailable


def count_response(method: str, route: str, status: int, seconds: float) -> None:
    """Add a response to the batch; count the batch when it is full."""
    # Prometheus counters touch much code. Updating them 64 at a time keeps that code in the CPU
    # cache (4 µs instead of 15 µs a request).
    _batch.append((method, route, status, seconds))
    if len(_batch) >= BATCH_SIZE:
        count_batch()


def count_batch() -> None:
    """Count the responses and accepted credentials that are not counted yet.

    A scrape does this first. Call it before you read the Prometheus registry in another way.
    """
    while _batch:
        method, route, status, seconds = _batch.pop()
        try:
            _series(method, route, status).observe(seconds)
        except Exception:  # noqa: BLE001 - an error here would fail an unrelated request
            _log.exception("cannot count a response")
    accepted, counters.accepted = counters.accepted, 0
    _accepted.inc(accepted)


@functools.lru_cache(maxsize=512)
def _series(method: str, route: str, status: int) -> Histogram:
    """Return the time series of a kind of response; the lookup takes longer than the counting."""
    return DURATION.labels(method, route, status)
