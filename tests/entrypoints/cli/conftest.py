"""Every test of the command line runs in an empty folder of its own."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def empty_folder(folder: Path) -> Path:
    """Enter the empty folder."""
    return folder
