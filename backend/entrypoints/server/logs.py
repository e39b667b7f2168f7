"""Logging: text for people or JSON for machines, without tokens and secrets."""

import json
import logging.config
import time
from typing import Final

from backend.settings import Settings
from backend.settings.values import LogFormat

_EXTRA: Final = ("request_id", "reason")
_NOISY: Final = ("aiosqlite", "alembic", "httpcore2", "httpx2")


class JsonFormatter(logging.Formatter):
    """Formats each record as one JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name in _EXTRA if (value := getattr(record, name, None))}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure_logging(settings: Settings) -> None:
    """Send the log to standard error, in the format and from the level of the settings."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                LogFormat.CONSOLE: {
                    "()": logging.Formatter,
                    "fmt": "%(asctime)s %(levelname)-7s %(name)s [%(request_id)s]: %(message)s",
                    "defaults": {"request_id": "-"},
                },
                LogFormat.JSON: {"()": JsonFormatter},
            },
            "handlers": {
                "stderr": {"class": "logging.StreamHandler", "formatter": settings.log_format}
            },
            "root": {"handlers": ["stderr"], "level": settings.log_level.upper()},
            # At INFO and DEBUG these libraries log URLs with query strings, and data of users.
            "loggers": {name: {"level": "WARNING"} for name in _NOISY},
        }
    )
