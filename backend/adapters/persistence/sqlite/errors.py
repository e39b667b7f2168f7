"""The errors of SQLite and its driver that mean: the database is unavailable."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from backend.domain.todo_repository import RepositoryUnavailableError

# Bugs of this program. Every other error means that the file is unavailable.
_BUGS: Final = (sqlite3.DataError, sqlite3.IntegrityError, sqlite3.ProgrammingError)


class UnusableFileError(RepositoryUnavailableError):
    """The path of the database cannot be an SQLite file that this program reads and writes.

    Attributes:
        remedy: The change that the operator must make.
    """

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy: Final = remedy


class ReplacedFileError(sqlite3.OperationalError):
    """The file was deleted or replaced while a connection had it open."""


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise `RepositoryUnavailableError` for errors which mean that the database is unavailable."""
    try:
        yield
    except _BUGS:
        raise
    except (sqlite3.Error, TimeoutError) as error:
        reason = str(error) or "timed out"  # a TimeoutError has no message
        raise RepositoryUnavailableError(f"{type(error).__name__}: {reason}") from error
