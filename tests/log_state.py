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
    for name in _levels():
        logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))


def _levels() -> dict[str, int]:
    names = ["root", *logging.root.manager.loggerDict]
    return {name: logging.getLogger(name).level for name in names}
