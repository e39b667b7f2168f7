"""Exports spans to a collector. During an outage, spans are lost; a line a minute is logged."""

import logging
import re
import time
from collections.abc import Callable, Sequence
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

LOG_INTERVAL: Final = 60.0  # seconds

# The SDK logs each attempt and each lost span, with URLs that may contain secrets.
_NOISY: Final = (
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.sdk._shared_internal",
    "urllib3",
)
_STATUS: Final = re.compile(r"code: (\d{3})")

_log = logging.getLogger(__name__)


class LoggedExporter(SpanExporter):
    """Logs at most once a minute that an exporter fails, and once that it works again.

    Args:
        exporter: Exports the spans.
        clock: Monotonic time in seconds.
    """

    def __init__(
        self, exporter: SpanExporter, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._exporter = exporter
        self._clock = clock
        self._logged_at: float | None = None
        self._lost = 0
        for name in _NOISY:
            logging.getLogger(name).addFilter(_last_failure)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export some spans, in the thread of the exporter."""
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            if self._lost:
                _log.warning("spans are exported again; %d spans were lost", self._lost)
            self._lost, self._logged_at = 0, None
            return result
        self._lost += len(spans)
        now = self._clock()
        if self._logged_at is None or now - self._logged_at >= LOG_INTERVAL:
            self._logged_at = now
            _log.warning(
                "cannot export spans: %s. %d spans are lost so far; requests are not affected."
                " Check OTEL_EXPORTER_OTLP_ENDPOINT and the collector.",
                _last_failure.reason,
                self._lost,
            )
        return result

    def shutdown(self) -> None:
        """Stop exporting; an export in progress fails soon."""
        self._exporter.shutdown()


class _LastFailure(logging.Filter):
    """Drops the SDK's own messages, and remembers the status code of the last failure."""

    reason = "no answer"

    def filter(self, record: logging.LogRecord) -> bool:
        """Return False, so that nothing is logged."""
        status = _STATUS.search(record.getMessage())
        self.reason = f"HTTP {status[1]}" if status else "no answer"
        return False


_last_failure: Final = _LastFailure()  # the loggers belong to the process too
