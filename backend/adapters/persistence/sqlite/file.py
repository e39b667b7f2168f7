"""The file of an SQLite database: its path, and how to open it."""

import asyncio
import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import aiosqlite

from backend.adapters.persistence.sqlite.errors import ReplacedFileError, UnusableFileError

_VERIFY_INTERVAL: Final = 0.1  # seconds, for reads

_SETTINGS: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
"""


def path_of(url: str) -> Path:
    """Return the absolute path of the file that an SQLite URL names.

    Raises:
        ValueError: The URL names no file.
    """
    name = url.removeprefix("sqlite:///")
    if name in {"", url, ":memory:"} or "?" in name:
        raise ValueError("the URL of an SQLite database is sqlite:/// and the path of a file")
    return Path(name).absolute()


def require_usable(path: Path, *, exists: bool = False) -> None:
    """Check that this process can read and write a file, or create the file.

    Args:
        path: The path of the file.
        exists: Whether the file must exist.

    Raises:
        UnusableFileError: This process cannot do that.
    """
    folder = path.parent
    if not os.path.isdir(folder):  # noqa: PTH112 - pathlib raises for a folder that is not readable
        raise UnusableFileError(
            f"the folder {folder} does not exist", "Create the folder, or correct DATABASE_URL."
        )
    if os.path.isdir(path):  # noqa: PTH112 - as above
        raise UnusableFileError(
            f"{path} is a folder, not a file",
            "Remove the folder if it is empty (Docker creates one when it mounts a file that does"
            f" not exist), or name a file in it, such as DATABASE_URL=sqlite:///{path}/todos.db.",
        )
    if exists and not os.path.exists(path):  # noqa: PTH110 - as above
        raise UnusableFileError(f"{path} does not exist", "Run `python -m backend migrate`.")
    if os.path.exists(path) and not os.access(path, os.R_OK | os.W_OK):  # noqa: PTH110 - as above
        raise UnusableFileError(
            f"the file {path} is read-only for this user",
            "Let the user of the server read and write the file (chown, chmod), and mount its"
            " volume writable.",
        )
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise UnusableFileError(
            f"the folder {folder} is read-only for this user",
            "Let the user of the server write to the folder, because SQLite keeps its log beside"
            " the file, and mount its volume writable.",
        )


async def connect(path: Path, *, busy_timeout: float, create: bool = False) -> aiosqlite.Connection:
    """Open a connection that never begins a transaction automatically.

    Args:
        path: The database file.
        busy_timeout: The maximum wait for another writer, in seconds.
        create: Whether to create a missing file.

    Raises:
        sqlite3.Error: The file cannot be opened.
    """
    opened = await asyncio.to_thread(_open, path, busy_timeout, "rwc" if create else "rw")
    # aiosqlite gets an open file: if aiosqlite cannot open a file, its thread leaks.
    return await aiosqlite.Connection(lambda: opened, iter_chunk_size=64)


def _open(path: Path, busy_timeout: float, mode: str) -> sqlite3.Connection:
    if mode == "rwc":
        with suppress(OSError):  # SQLite reports the same problem in more detail
            path.touch(0o600, exist_ok=True)  # SQLite would make the file readable for every user
    before = _identity_of(path)
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        timeout=busy_timeout,
        isolation_level=None,
        check_same_thread=False,
        factory=_Connection,
    )
    deadline = time.monotonic() + busy_timeout
    while True:
        try:
            connection.executescript(_SETTINGS)
        except sqlite3.Error as error:
            # SQLite does not wait for a lock when it turns a new file into WAL mode.
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                connection.close()
                raise
            time.sleep(0.01)
        else:
            break
    connection.watch(path, before)
    return connection


class _Connection(sqlite3.Connection):
    """A connection that fails if its file was deleted or replaced.

    After that, every change fails at once. Reads fail a little later, because a check of the file
    for every read would make reads measurably slower.
    """

    _path: str
    _identity: tuple[int, int] | None = None
    _verified = 0.0

    def watch(self, path: Path, identity: tuple[int, int] | None) -> None:
        """Start to compare the file at a path with the open file.

        Args:
            path: The path.
            identity: The result of `_identity_of` before the connection was opened.
        """
        self._path, self._identity = str(path), identity
        self._verify()

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        cursor = super().execute(sql, parameters)
        if cursor.description is None or time.monotonic() - self._verified > _VERIFY_INTERVAL:
            self._verify()
        return cursor

    def commit(self) -> None:
        super().commit()
        self._verify()

    def _verify(self) -> None:
        if _identity_of(self._path) != self._identity:
            raise ReplacedFileError("the database file was deleted or replaced")
        self._verified = time.monotonic()


def _identity_of(path: Path | str) -> tuple[int, int] | None:
    """Return the identity of the file at a path while the file is open; None without a file."""
    try:
        status = os.stat(path)  # noqa: PTH116 - faster than pathlib, for every statement
    except OSError:
        return None
    return status.st_dev, status.st_ino
