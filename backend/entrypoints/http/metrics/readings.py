"""The metrics that are read from the state of an app: their names and values."""

import platform
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from prometheus_client import Metric

from backend import __version__
from backend.domain.diagnosis import KeySetState, PoolState, TokenCacheState

# A counter, or a gauge with the rule for several workers: their maximum, minimum or sum.
Kind = Literal["counter", "livemax", "livemin", "livesum"]

_START_TIME: Final = "process_start_time_seconds"


@dataclass(frozen=True, slots=True)
class Reading:
    """The value of a metric in this process.

    Attributes:
        name: The name of the metric; that of a counter without `_total`.
        description: The meaning of the value.
        kind: The kind of the metric.
        value: The value; of a counter, the total since the process started. None without a value.
        labels: The labels, by name.
    """

    name: str
    description: str
    kind: Kind
    value: float | None
    labels: Mapping[str, str] = field(default_factory=dict)


def program() -> Iterator[Reading]:
    """Return the versions that run, and this process."""
    versions = {"version": __version__, "python_version": platform.python_version()}
    yield Reading("todo_api_build_info", "The versions that run; always 1.", "livemax", 1, versions)
    yield Reading("server_workers", "Processes that serve.", "livesum", 1)


def key_set(state: KeySetState, *, issuer: str | None = None) -> Iterator[Reading]:
    """Read the state of a key set. With several workers, the worst state counts.

    Args:
        state: The state.
        issuer: The name of the issuer, as a label; None if the app trusts a single issuer.
    """
    labels = {"issuer": issuer} if issuer is not None else {}
    now = time.time()
    succeeded = None if state.age is None else now - state.age
    fetched = None if state.attempted is None else now - state.attempted
    rows: tuple[tuple[str, str, Kind, float | None], ...] = (
        ("usable", "Whether the key set can verify tokens now.", "livemin", state.usable),
        ("keys", "Number of usable keys.", "livemin", len(state.kids)),
        ("rejected_keys", "Number of keys that cannot be used.", "livemax", len(state.rejected)),
        ("failing", "Whether the last fetch failed.", "livemax", state.error is not None),
        ("last_success_timestamp_seconds", "Last successful fetch.", "livemin", succeeded),
        ("last_fetch_timestamp_seconds", "Last fetch.", "livemin", fetched),
    )
    for name, description, kind, value in rows:
        yield Reading(f"auth_key_set_{name}", description, kind, value, labels)
    for result, total in state.fetches.items():
        name, description = "auth_key_set_fetches", "Fetches of the key set, by result."
        yield Reading(name, description, "counter", total, {"result": result, **labels})


def token_cache(state: TokenCacheState) -> Iterator[Reading]:
    """Read how many tokens are cached, and how often the cache had a token."""
    for result, total in (("hit", state.hits), ("miss", state.misses)):
        name, description = "auth_token_cache_lookups", "Tokens looked up in the cache, by result."
        yield Reading(name, description, "counter", total, {"result": result})
    yield Reading("auth_token_cache_tokens", "Cached tokens.", "livesum", state.tokens)
    yield Reading("auth_token_cache_tokens_max", "Most cached tokens.", "livesum", state.maximum)


def pool(state: PoolState) -> Iterator[Reading]:
    """Read the use of a pool of database connections."""
    rows: tuple[tuple[str, str, Kind, float], ...] = (
        ("in_use", "Database connections in use.", "livesum", state.in_use),
        ("idle", "Open database connections that wait for work.", "livesum", state.idle),
        ("max", "Most database connections.", "livesum", state.maximum),
        ("waiting", "Calls that wait for a database connection.", "livesum", state.waiting),
        ("timeouts", "Calls that got no connection in time.", "counter", state.timeouts),
    )
    for name, description, kind, value in rows:
        yield Reading(f"database_pool_{name}", description, kind, value, {"pool": state.name})


def outage(part: str, *, in_progress: bool) -> Reading:
    """Return whether an outage is in progress."""
    description = "Whether requests get 503 because a part of the app is unavailable."
    return Reading("outage_in_progress", description, "livemax", in_progress, {"part": part})


def process(family: Metric) -> Reading:
    """Read a metric of the process. The start time of several workers is that of the oldest."""
    kind: Kind = "livemin" if family.name == _START_TIME else "livesum"
    kind = "counter" if family.type == "counter" else kind
    return Reading(family.name, family.documentation, kind, family.samples[0].value)
