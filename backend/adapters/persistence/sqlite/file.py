"""The file of an SQLite database: its path, and how to open it."""

import asyncio
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import aiosqlite

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


async def connect(path: Path, *, busy_timeout: float, create: bool = False) -> aiosqlite.Connection:
    """Open one connection, which begins no transaction by itself.

    Args:
        path: The database file.
        busy_timeout: The maximum wait for another writer, in seconds.
        create: Whether to create a missing file.

    Raises:
        sqlite3.Error: The file cannot be opened.
    """
    opened = await asyncio.to_thread(_open, path, busy_timeout, "rwc" if create else "rw")
    # The file is already open here: if aiosqlite fails to open a file, it leaks its thread.
    return await aiosqlite.Connection(lambda: opened, iter_chunk_size=64)


def _open(path: Path, busy_timeout: float, mode: str) -> sqlite3.Connection:
    if mode == "rwc":
        with suppress(OSError):  # SQLite reports the same problem in more detail
            path.touch(0o600, exist_ok=True)  # SQLite would make the file readable for every user
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        timeout=busy_timeout,
        isolation_level=None,
        check_same_thread=False,
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
            return connection
