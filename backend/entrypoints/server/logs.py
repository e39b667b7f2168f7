"""How the process logs: lines for people, or JSON for machines; never a token or a secret."""

import json
import logging.config
import time
from typing import Final

from backend.settings import Settings
from backend.settings.values import LogFormat

_EXTRA: Final = ("request_id", "reason")
_TALKATIVE: Final = ("aiosqlite", "alembic", "httpcore2", "httpx2")


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

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
    """Send the log to standard error as the settings say."""
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
            # These say what the access log says already, address and all, or what a user wrote.
            "loggers": {name: {"level": "WARNING"} for name in _TALKATIVE},
        }
    )
