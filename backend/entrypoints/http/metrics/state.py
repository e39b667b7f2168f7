"""Copies the state of an app into metrics: keys, token cache, pools, outages, the process."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector

from backend.domain.diagnosis import KeySetState, PoolState, TokenCacheState
from backend.entrypoints.http.metrics import readings, series
from backend.entrypoints.http.metrics.readings import Reading


def _no_token_cache() -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The sources of the state. The functions are called at each scrape.

    Attributes:
        key_set: Returns the state of the key set; None if the app uses no key set.
        key_sets: Functions that return the state of each key set of several issuers, by issuer.
        token_cache: Returns the state of the token cache; None if there is no cache.
        pools: Returns the state of the pools of the database.
        outages: Returns whether an outage is in progress, by part of the app.
    """

    key_set: Callable[[], KeySetState] | None = None
    key_sets: Mapping[str, Callable[[], KeySetState]] = field(default_factory=dict)
    token_cache: Callable[[], TokenCacheState | None] = _no_token_cache
    pools: Callable[[], Sequence[PoolState]] = tuple
    outages: Callable[[], Mapping[str, bool]] = dict


class StateMetrics:
    """The metrics that describe the state of an app.

    Args:
        sources: The sources of the state.

    Attributes:
        registry: The metrics.
    """

    def __init__(self, sources: Sources) -> None:
        self.registry: Final = CollectorRegistry()
        self._sources = sources
        self._metrics: dict[str, Gauge | Counter] = {}
        self._totals: dict[Counter, float] = {}

    def update(self) -> None:
        """Read the state. Call this in the event loop of the app."""
        sources = self._sources
        series.count_batch()
        self._record(readings.program())
        if sources.key_set is not None:
            self._record(readings.key_set(sources.key_set()))
        for issuer, read in sources.key_sets.items():
            self._record(readings.key_set(read(), issuer=issuer))
        tokens = sources.token_cache()
        if tokens is not None:
            self._record(readings.token_cache(tokens))
        for pool in sources.pools():
            self._record(readings.pool(pool))
        outages = sources.outages().items()
        self._record(readings.outage(part, in_progress=state) for part, state in outages)

    def update_process(self) -> None:
        """Read the state of this worker, in a thread: a worker may have thousands of open files."""
        self._record(map(readings.process, ProcessCollector(registry=None).collect()))

    def _record(self, values: Iterable[Reading]) -> None:
        for reading in values:
            if reading.value is None:
                continue
            metric = self._metrics.get(reading.name) or self._add(reading)
            metric = metric.labels(**reading.labels) if reading.labels else metric
            if isinstance(metric, Gauge):
                metric.set(reading.value)
            else:
                metric.inc(reading.value - self._totals.get(metric, 0))
                self._totals[metric] = reading.value

    def _add(self, reading: Reading) -> Gauge | Counter:
        names, registry = list(reading.labels), self.registry
        metric: Gauge | Counter
        if reading.kind == "counter":
            metric = Counter(reading.name, reading.description, names, registry=registry)
        else:
            metric = Gauge(
                reading.name,
                reading.description,
                names,
                registry=registry,
                multiprocess_mode=reading.kind,
            )
        self._metrics[reading.name] = metric
        return metric
