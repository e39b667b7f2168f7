"""The route `/metrics`: the metrics as text, rendered in a thread, at most once a second."""

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from prometheus_client import REGISTRY, Metric, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from backend.entrypoints.http.metrics import series, workers
from backend.entrypoints.http.metrics.state import StateMetrics

PATH: Final = "/metrics"
TEXT_MAX_AGE: Final = 1.0  # seconds
_PUBLISHING_INTERVAL: Final = 1.0  # seconds

_OPENMETRICS: Final = "application/openmetrics-text"
_RENDERERS: Final[dict[str, Callable[[Collector], bytes]]] = {
    openmetrics.CONTENT_TYPE_LATEST: openmetrics.generate_latest,
    CONTENT_TYPE_PLAIN_0_0_4: generate_latest,
}

router = APIRouter(include_in_schema=False)

_log = logging.getLogger(__name__)


class MetricsText(Collector):
    """The text of `/metrics`, rendered at most once a second in each format.

    Rendering takes some milliseconds, and everybody may send the request.

    Args:
        state: The metrics that describe the state of the app.
        clock: Monotonic time in seconds.
    """

    def __init__(self, state: StateMetrics, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._state = state
        self._clock = clock
        self._texts: dict[str, tuple[float, asyncio.Task[bytes]]] = {}

    async def render(self, content_type: str) -> bytes:
        """Return the metrics, at most `TEXT_MAX_AGE` old.

        Args:
            content_type: The format: a content type of Prometheus or of OpenMetrics.
        """
        now = self._clock()
        rendered_at, text = self._texts.get(content_type, (-TEXT_MAX_AGE, None))
        if text is None or now - rendered_at >= TEXT_MAX_AGE:
            self._state.update()
            text = asyncio.create_task(asyncio.to_thread(_RENDERERS[content_type], self))
            self._texts[content_type] = now, text
        return await asyncio.shield(text)  # other requests may wait for the same text

    def collect(self) -> Iterator[Metric]:
        """Return all metrics: of this process, or of all workers together."""
        folder = series.COMMON_FOLDER
        if folder is None:
            yield from itertools.chain(REGISTRY.collect(), self._state.registry.collect())
            return
        workers.remove_gauges_of_ended_workers(folder)
        collector: Any = MultiProcessCollector
        yield from collector(None, str(folder)).collect()

    @contextlib.asynccontextmanager
    async def publish(self) -> AsyncIterator[None]:
        """Count the start of the process, and keep its part of the common metrics up to date."""
        series.WORKER_STARTS.inc()
        if series.COMMON_FOLDER is None:
            yield
            return
        publishing = asyncio.create_task(self._publish())
        try:
            yield
        finally:
            publishing.cancel()
            await asyncio.gather(publishing, return_exceptions=True)
            self._state.update()

    async def _publish(self) -> None:
        while True:
            try:
                self._state.update()
                await asyncio.to_thread(self._state.update_process)
            except Exception:  # noqa: BLE001 - the next update may succeed
                _log.exception("cannot update the metrics of this worker")
            await asyncio.sleep(_PUBLISHING_INTERVAL)


@router.get(PATH)
async def metrics(request: Request) -> Response:
    """Return the metrics in the text format of Prometheus, or on request in that of OpenMetrics."""
    accept = ",".join(request.headers.getlist("accept"))
    content_type = CONTENT_TYPE_PLAIN_0_0_4
    if any(_accepts_openmetrics(media_range) for media_range in accept.lower().split(",")):
        content_type = openmetrics.CONTENT_TYPE_LATEST
    text = await request.app.state.metrics_text.render(content_type)
    return Response(text, media_type=content_type, headers={"Vary": "Accept"})


def _accepts_openmetrics(media_range: str) -> bool:
    media_type, *parameters = (part.strip() for part in media_range.split(";"))
    weights = [parameter[2:] for parameter in parameters if parameter.startswith("q=")]
    return media_type == _OPENMETRICS and not any(weight.strip("0.") == "" for weight in weights)
