"""`/metrics` answers in the format that a client asks for, and does not block the event loop."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from httpx2 import Client
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from backend.entrypoints.http.metrics.scrape import MetricsText
from backend.entrypoints.http.metrics.state import Sources, StateMetrics

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
OF_PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (OF_PROMETHEUS, OPENMETRICS),
        ("APPLICATION/OpenMetrics-Text", OPENMETRICS),
        ("text/plain, application/openmetrics-text ; q=1.0", OPENMETRICS),
        ("application/openmetrics-text;q=0, text/plain", TEXT),
        ("application/openmetrics-text; q=0.000", TEXT),
        ("text/html,*/*;q=0.8", TEXT),
        ("", TEXT),
        # prometheus_client itself answers 500 to this version, and repeats any other version.
        ("application/openmetrics-text; version=x", OPENMETRICS),
        ("application/openmetrics-text; version=1.0.9999", OPENMETRICS),
        ("application/openmetrics-text;;q;=,;q=", OPENMETRICS),
    ],
)
def test_the_format_is_negotiated(anonymous: Client, accept: str, content_type: str) -> None:
    response = anonymous.get("/metrics", headers={"Accept": accept})
    assert response.headers["Content-Type"] == content_type
    assert response.headers["Vary"] == "Accept"
    read = openmetrics_families if content_type == OPENMETRICS else text_string_to_metric_families
    names = {family.name for family in read(response.text)}
    assert {"http_request_duration_seconds", "todo_api_build_info"} <= names


def test_all_versions_of_a_format_share_one_rendered_text(app: FastAPI, anonymous: Client) -> None:
    for number in range(20):
        accept = f"application/openmetrics-text; version=1.0.{number}"
        anonymous.get("/metrics", headers={"Accept": accept})
    assert len(app.state.metrics_text._texts) <= 2  # the memory that a client can take


class SlowText(MetricsText):
    """Collects metrics until the event loop has done something else."""

    def __init__(self) -> None:
        super().__init__(StateMetrics(Sources()))
        self.loop_ran = threading.Event()
        self.collected = 0

    def collect(self) -> Iterator[Metric]:
        self.collected += 1
        assert self.loop_ran.wait(10)
        yield from super().collect()


def test_the_event_loop_runs_while_metrics_are_rendered() -> None:
    async def scrape_while_busy() -> None:
        text = SlowText()
        first, cancelled, second = (asyncio.create_task(text.render(TEXT)) for _ in range(3))
        await asyncio.sleep(0)
        cancelled.cancel()
        text.loop_ran.set()
        assert await first == await second
        assert text.collected == 1

    asyncio.run(scrape_while_busy())
