"""The error of a database that is unavailable."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from backend.domain.todo_repository import RepositoryUnavailableError

# Seconds: less than the default timeouts of a database, far more than any timeout that a test sets.
SOON: Final = 4.0


@contextmanager
def unavailable() -> Iterator[None]:
    """Expect `RepositoryUnavailableError`, soon."""
    start = time.monotonic()
    with pytest.raises(RepositoryUnavailableError):
        yield
    assert time.monotonic() - start < SOON
