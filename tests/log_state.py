"""The log handlers and levels of this process, which a command of the backend changes."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def restored_logging() -> Iterator[None]:
    """Restore the handlers of the root logger, and the level of every logger, at the end."""
    root = logging.getLogger()
    handlers, levels = root.handlers[:], _levels()
    yield
    root.handlers[:] = handlers
    for logger, level in _levels().items():
        before = levels.get(logger, logging.NOTSET)
        if level != before:  # each call of `setLevel` visits every logger of the process
            logger.setLevel(before)


def _levels() -> dict[logging.Logger, int]:
    root = logging.getLogger()
    loggers = (root, *root.manager.loggerDict.values())
    return {logger: logger.level for logger in loggers if isinstance(logger, logging.Logger)}
