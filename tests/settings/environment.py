"""The environment variables of a test, and the secrets that tests use."""

import pytest

from backend.settings import Complaint, Settings

SECRET = "correct horse battery staple three times"
OTHER_SECRET = "another secret of thirty-two bytes at least"
HIDDEN = "hunter2"  # must not appear in any output


class Environment:
    """Sets the environment variables of a test, and reads the settings from them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def read(self, **variables: str) -> Settings:
        """Return the settings, which must be valid."""
        settings, complaints = self._read(**variables)
        assert complaints == []
        return settings

    def complaints(self, **variables: str) -> list[Complaint]:
        """Return the complaints about the settings."""
        _, complaints = self._read(**variables)
        return complaints

    def _read(self, **variables: str) -> tuple[Settings, list[Complaint]]:
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)
        return Settings.read()
