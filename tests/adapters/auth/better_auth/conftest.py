"""Fixtures for the tests of session cookies."""

import pytest

from tests.adapters.auth.cookies import FORMATS, Format


@pytest.fixture(params=list(FORMATS.values()), ids=list(FORMATS))
def cookie_format(request: pytest.FixtureRequest) -> Format:
    """Each of the formats."""
    chosen: Format = request.param
    return chosen
