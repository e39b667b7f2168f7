"""What the tests of settings share."""

import pytest

from tests.settings.environment import Environment


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Environment:
    return Environment(monkeypatch)
