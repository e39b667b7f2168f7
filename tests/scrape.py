"""A scrape with every metric, for tests of pages, alerts and dashboards that name metrics."""

from dependency_injector import providers
from fastapi.testclient import TestClient
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from backend.adapters.persistence.memory import InMemoryDatabase
from backend.container import Container
from backend.domain.diagnosis import KeySetState, PoolState, TokenCacheState
from backend.entrypoints.http.app import create_app
from backend.entrypoints.http.metrics.series import SERVER_REFUSALS
from backend.settings import Settings

_KEYS = KeySetState(
    kids=("key",),
    rejected=(),
    age=1.0,
    attempted=1.0,
    error=None,
    usable=True,
    fetches={"success": 1},
)
_TOKENS = TokenCacheState(hits=1, misses=1, tokens=1, maximum=1)
_POOL = PoolState(name="all", in_use=1, idle=1, maximum=2, waiting=0, timeouts=0)


def full_scrape() -> list[Metric]:
    """Scrape an app that has a key set, remembered tokens and a pool, and has sent answers."""
    container = Container(
        settings=Settings.load(better_auth_secret="s" * 32),
        database=InMemoryDatabase(),
        key_set_state=providers.Object(lambda: _KEYS),
        token_cache_state=providers.Object(_TOKENS),
        pools=providers.Object([_POOL]),
    )
    SERVER_REFUSALS.labels("malformed_request")
    with TestClient(create_app(container)) as client:
        client.get("/api/me")
        return list(text_string_to_metric_families(client.get("/metrics").text))


def labels_of(family: Metric) -> set[str]:
    """Return the labels of a metric, without the bounds of buckets."""
    return {label for sample in family.samples for label in sample.labels} - {"le"}
