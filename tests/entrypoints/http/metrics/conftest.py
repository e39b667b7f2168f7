"""Reads `/metrics`."""

from collections.abc import Callable

import pytest
from httpx2 import Client
from prometheus_client.parser import text_string_to_metric_families

from tests.entrypoints.http.conftest import MakeApp, MakeClient

Count = Callable[..., float]


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return the samples of a text in the format of Prometheus, by name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scraped(client: Client, name: str, **labels: str) -> float | None:
    """Scrape a server, and return the value of a sample; None if there is no such sample."""
    return samples(client.get("/metrics").text).get((name, frozenset(labels.items())))


@pytest.fixture
def count(make_app: MakeApp, make_client: MakeClient) -> Count:
    """Return a function that tells by how much a sample has grown since the test began."""
    before = samples(make_client(make_app()).get("/metrics").text)

    def growth(name: str, **labels: str) -> float:
        after = scraped(make_client(make_app()), name, **labels) or 0.0
        return after - before.get((name, frozenset(labels.items())), 0.0)

    return growth
