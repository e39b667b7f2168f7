"""Fixtures: a clock that a test advances, and an issuer that uses it."""

import pytest

from tests.adapters.auth.clock import Clock
from tests.adapters.auth.issuer import Issuer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer(clock: Clock) -> Issuer:
    return Issuer(clock)
