"""An empty folder, in which tests run commands and servers."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Enter an empty folder; afterwards restore the state of this process that commands change."""
    monkeypatch.chdir(tmp_path)
    environment = dict(os.environ)
    on_sigterm = signal.getsignal(signal.SIGTERM)
    yield tmp_path
    signal.signal(signal.SIGTERM, on_sigterm)
    os.environ.clear()
    os.environ.update(environment)
