"""The limit of open files: raised at start, watched while the server runs."""

import contextlib
import errno
import logging
import os
from typing import Final

FILES_WANTED: Final = 65_536
_FALLBACK: Final = 10_240  # the most that macOS accepts while it reports no limit

_log = logging.getLogger(__name__)


def raise_file_limit() -> int:
    """Raise the soft limit of open files as far as the hard limit allows.

    Returns:
        The soft limit of this process and of the processes that it starts.
    """
    try:
        import resource  # noqa: PLC0415 - Windows has no such module, and no such limit
    except ModuleNotFoundError:
        return FILES_WANTED
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (FILES_WANTED, _FALLBACK):
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if soft == resource.RLIM_INFINITY or soft >= limit:
            return FILES_WANTED if soft == resource.RLIM_INFINITY else soft
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            return limit
    return soft


class FileProbe:
    """Logs when this process cannot open a file because of a limit, and when it can again.

    The event loop drops connections for which it has no file descriptor, and does not say so.
    """

    def __init__(self) -> None:
        self._exhausted = False

    def check(self) -> None:
        """Try to open a file."""
        try:
            os.close(os.open(os.devnull, os.O_RDONLY))
        except OSError as error:
            if error.errno in {errno.EMFILE, errno.ENFILE} and not self._exhausted:
                self._exhausted = True
                _log.error(
                    "out of file descriptors: %s. New connections are dropped. Raise `ulimit -n`.",
                    error.strerror,
                )
        else:
            if self._exhausted:
                self._exhausted = False
                _log.warning("file descriptors are available again")
