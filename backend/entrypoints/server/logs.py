"""Logging: text for people or JSON for machines, without tokens and secrets."""

import functools
import json
import logging.config
import re
import time
from json.encoder import encode_basestring_ascii as _text
from typing import Any, Final

from backend.entrypoints.http.log_fields import FIELDS, current_request_id, current_trace
from backend.settings import Settings
from backend.settings.values import LogFormat

# At INFO and DEBUG these libraries log URLs with query strings, and data of users.
_NOISY: Final = ("aiosqlite", "alembic", "httpcore2", "httpx2", "mcp")
# As warnings, OpenTelemetry logs the headers `baggage` and `tracestate`, which any client can send.
_QUOTING: Final = ("opentelemetry",)
_NUMBERS: Final = (int, float)
_INDENT: Final = "\n    "  # a line that starts with a space continues the record above it
# Better Auth's JWTs and cookies start with `{"` in Base64. A session token ends with a signature.
_TOKEN: Final = re.compile(
    r"eyJ[\w.%+/=-]{8,}|[A-Za-z0-9]{32}\.(?:[A-Za-z0-9+/]|%2[BFbf]){43}(?:=|%3[Dd])"
)


class JsonFormatter(logging.Formatter):
    """Formats each record as a JSON object on a single line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        fields = record.__dict__
        line: dict[str, Any] = {
            "timestamp": f"{_utc(int(record.created))}.{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_tokens(record.getMessage()),
        }
        for name in FIELDS:
            if (value := fields.get(name)) is not None:
                line[name] = value
        if "request_id" not in line and (identity := current_request_id.get()):
            line["request_id"] = identity
        if trace_id := current_trace.find_id():
            line["trace_id"] = trace_id
        if record.exc_info:
            line["exception"] = without_tokens(self.formatException(record.exc_info))
        # A single `json.dumps()` of the whole line takes twice as long.
        members = ", ".join([f'"{name}": {_to_json(value)}' for name, value in line.items()])
        return f"{{{members}}}"


class ConsoleFormatter(logging.Formatter):
    """Formats each record as text, which can never look like another record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line, and the further lines of its text with an indent."""
        identity = getattr(record, "request_id", None) or current_request_id.get() or "-"
        text = (
            f"{_local(int(record.created))},{record.msecs:03.0f} {record.levelname:7}"
            f" {record.name} [{identity}]: {record.getMessage().rstrip()}"
        )
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        text = without_tokens(text)
        return text if text.isprintable() else _escape(text)


def without_tokens(text: str) -> str:
    """Return a text in which every token is replaced, for example in the text of an exception."""
    may_have_token = "eyJ" in text or "=" in text or "%3" in text  # faster than the expression
    return _TOKEN.sub("[token]", text) if may_have_token else text


def configure_logging(settings: Settings) -> None:
    """Send the log to standard error, in the format and from the level of the settings."""
    level = settings.log_level.upper()
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                LogFormat.CONSOLE: {"()": ConsoleFormatter},
                LogFormat.JSON: {"()": JsonFormatter},
            },
            "handlers": {
                "stderr": {"class": "logging.StreamHandler", "formatter": settings.log_format}
            },
            # Libraries log headers and bodies at DEBUG.
            "root": {"handlers": ["stderr"], "level": "INFO" if level == "DEBUG" else level},
            "loggers": {"backend": {"level": level}}
            | {name: {"level": "WARNING"} for name in _NOISY}
            | {name: {"level": "ERROR"} for name in _QUOTING},
        }
    )


def _to_json(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    return str(value) if type(value) in _NUMBERS else json.dumps(value, default=str)


def _escape(text: str) -> str:
    """Escape control and format characters, and indent the lines after the first."""
    escaped = "".join(
        char if char == "\n" or char.isprintable() else ascii(char)[1:-1] for char in text
    )
    return escaped.replace("\n", _INDENT)


# Formatting a time takes as long as the rest of a line, and most lines share their second.
@functools.lru_cache(maxsize=16)
def _utc(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


@functools.lru_cache(maxsize=16)
def _local(second: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
