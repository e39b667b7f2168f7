"""Common metrics of several workers: each worker counts in files, and any worker reports the sums.

The parent makes a temporary folder. Each worker takes the first number whose lock file is free, and
counts in the files of that number. The kernel frees the lock when the worker ends, even after a
crash. The next worker with the number continues the counters, so they never fall and the files do
not accumulate.
"""

import contextlib
import itertools
import logging
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from prometheus_client import values

_FOLDER: Final = "API_METRICS_FOLDER"  # from the parent to its workers
_CLIENT_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"  # where prometheus_client keeps its files
_PREFIX: Final = "api-metrics-"
_OWNER: Final = "owner"  # the parent locks this file
_COUNTERS: Final = ("counter", "histogram")
_GAUGES: Final = ("gauge_livemax", "gauge_livemin", "gauge_livesum")
# The files are filled with zeros first. The client would leave them sparse, and a write to a sparse
# mapped file kills the process if the disk is full.
_FILE_SIZE: Final = 256 * 1024  # bytes; a file that becomes full is doubled

_locks: Final[list[IO[bytes]]] = []  # open as long as this process lives
_log = logging.getLogger(__name__)


@contextlib.contextmanager
def common_folder() -> Iterator[None]:
    """Make the folder for the metrics of workers that start inside `with`; remove it afterwards.

    If the folder cannot be made, the workers count for themselves, and a warning says so.
    """
    with contextlib.ExitStack() as stack:
        try:
            if os.name == "nt":
                raise OSError("Windows cannot lock them")  # noqa: TRY301 - the same warning
            _remove_abandoned_folders()
            folder = stack.enter_context(
                tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True)
            )
            stack.enter_context(_own(Path(folder)))
        except OSError as error:
            _log.warning(
                "/metrics describes only the worker that answers, because the workers cannot share"
                " files: %s. Set TMPDIR to a writable directory, or mount a tmpfs on /tmp.",
                error,
            )
        else:
            os.environ[_FOLDER] = folder
            stack.callback(os.environ.pop, _FOLDER)
        yield


def _own(folder: Path) -> IO[bytes]:
    """Lock a folder until this process ends. A lock file without a lock never has its name."""
    temporary = folder / f"{_OWNER}.new"
    lock = _lock(temporary)
    assert lock is not None  # noqa: S101 - no other process knows the new folder
    temporary.rename(folder / _OWNER)
    return lock


def _remove_abandoned_folders() -> None:
    """Remove the folders of servers that were killed before they could remove their folders."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            status = folder.lstat()  # follows no symbolic link
            is_own_folder = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
            if is_own_folder and _is_abandoned(folder):
                shutil.rmtree(folder)


def _is_abandoned(folder: Path) -> bool:
    """Return whether neither a parent nor a worker uses a folder."""
    owner = folder / _OWNER
    return owner.exists() and all(map(_is_unlocked, [owner, *folder.glob("*.lock")]))


def _is_unlocked(path: Path) -> bool:
    lock = _lock(path)
    if lock is None:
        return False
    lock.close()
    return True


def join() -> Path | None:
    """Let this process count in the common folder. Call this before the first metric is made.

    Returns:
        The folder; None if this process counts for itself.
    """
    folder = os.environ.get(_FOLDER)
    if folder is None:
        return None
    try:
        number = _take_number(Path(folder))
    except OSError as error:
        _log.warning("/metrics of this worker describes no other worker: %s", error)
        return None
    os.environ[_CLIENT_FOLDER] = folder
    values.ValueClass = values.MultiProcessValue(  # type: ignore[no-untyped-call]  # untyped
        lambda: number
    )
    return Path(folder)


def remove_gauges_of_ended_workers(folder: Path) -> None:
    """Remove the gauges of workers that have ended. Their counters stay."""
    for path in folder.glob("*.lock"):
        lock = _lock(path)
        if lock is not None:
            with lock:
                for name in _GAUGES:
                    (folder / f"{name}_{path.stem}.db").unlink(missing_ok=True)


def _take_number(folder: Path) -> int:
    for number in itertools.count():
        lock = _lock(folder / f"{number}.lock")
        if lock is not None:
            _locks.append(lock)
            for name in (*_COUNTERS, *_GAUGES):
                path = folder / f"{name}_{number}.db"
                if name in _GAUGES or not path.exists():
                    _fill(path)
            return number
    raise AssertionError  # `count` has no end


def _fill(path: Path) -> None:
    """Write a file without values. Another worker may read it at the same time."""
    temporary = path.with_suffix(".new")
    temporary.write_bytes(bytes(_FILE_SIZE))
    temporary.replace(path)


def _lock(path: Path) -> IO[bytes] | None:
    """Open a file and lock it; return None if another process, or this process, has locked it."""
    import fcntl  # noqa: PLC0415 - Windows has no such module

    file = path.open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
