"""`AUTH_RESOURCE`: the URL of this API as an OAuth protected resource."""

from typing import Any

import pytest

from backend.settings import ConfigurationError, Settings

URL = "https://app.example.com"


def load(**values: Any) -> Settings:
    return Settings.load(**values)


@pytest.mark.parametrize(
    "resource",
    [
        "https://api.example.com",
        "https://api.example.com/",
        "https://api.example.com:8443/v1/todos",
        "http://127.0.0.1:8000",
        "http://localhost:8000/mcp",
        "http://[::1]:8000",
    ],
)
def test_a_resource_is_kept_as_it_is_written(resource: str) -> None:
    assert load(better_auth_url=URL, auth_resource=resource).auth_resource == resource


@pytest.mark.parametrize(
    "resource",
    [
        "http://api.example.com",
        "https://API.example.com",
        "https://api.example.com:443",
        "https://api.example.com/#todos",
        "https://api.example.com/?v=1",
        "https://user@api.example.com",
        "urn:example:todos",
        "/todos",
        "api.example.com",
    ],
)
def test_other_urls_are_refused(resource: str) -> None:
    with pytest.raises(ConfigurationError, match="AUTH_RESOURCE"):
        load(better_auth_url=URL, auth_resource=resource)


def test_a_resource_needs_an_authorization_server() -> None:
    with pytest.raises(ConfigurationError, match=r"AUTH_RESOURCE.*BETTER_AUTH_URL"):
        load(better_auth_secret="s" * 32, auth_resource="https://api.example.com")


def test_machine_tokens_are_off_by_default() -> None:
    settings = load(better_auth_url=URL)
    assert (settings.auth_resource, settings.auth_machine_tokens) == (None, False)
