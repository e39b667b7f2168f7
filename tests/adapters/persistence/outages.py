"""What a test expects of a database that is out of reach."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from backend.domain.todo_repository import RepositoryUnavailableError

# Less than the repositories' own timeouts, and far more than any that a test sets.
SOON: Final = 4.0


@contextmanager
def unavailable() -> Iterator[None]:
    """Expect the todos to be reported out of reach, soon."""
    start = time.monotonic()
    with pytest.raises(RepositoryUnavailableError):
        yield
    assert time.monotonic() - start < SOON
