"""Fixtures for pytest. A line in the `conftest.py` of your tests turns them on.

    pytest_plugins = ["backend.testing.fixtures"]

The fixtures are not an installed plugin: pytest would load such a plugin in every run.
"""

import os
from collections.abc import Iterator

import pytest

from backend.testing.fakes import FakeTokenVerifier
from backend.testing.issuer import Issuer


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """A Better Auth server with its own key, which stops after the test."""
    with Issuer() as server:
        yield server


@pytest.fixture
def issuer_environment(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> Issuer:
    """The issuer, as the only setting of authentication in the environment of this process."""
    for name in tuple(os.environ):
        if name.upper().startswith(("BETTER_AUTH_", "AUTH_")):
            monkeypatch.delenv(name)
    for name, value in issuer.environment().items():
        monkeypatch.setenv(name, value)
    return issuer


@pytest.fixture
def fake_token_verifier() -> FakeTokenVerifier:
    """A token verifier that knows no token yet: add tokens to its table `known`."""
    return FakeTokenVerifier()
