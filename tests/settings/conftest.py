"""Fixtures for the tests of settings."""

import pytest

from tests.settings.environment import Environment


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Environment:
    return Environment(monkeypatch)
