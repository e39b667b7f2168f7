"""Reads the access log of a test."""

from typing import Any

import pytest


def access_lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the fields of each line of the access log so far."""
    return [vars(record) for record in caplog.records if record.name == "backend.access"]
