"""The MCP server accepts the tokens of several issuers; with `MCP_URL`, their access tokens."""

from collections.abc import Iterator
from typing import Any

import pytest

from backend.adapters.persistence.memory import InMemoryDatabase
from backend.container import Container
from backend.container.issuer import ProtectedResource
from backend.container.mcp import mcp_settings
from backend.entrypoints.mcp.app import create_mcp_app
from backend.settings import Settings
from backend.testing import RESOURCE, Issuer
from tests.entrypoints.mcp.test_app import ask

pytestmark = pytest.mark.anyio


MCP_URL = "https://mcp.example.com/mcp"


@pytest.fixture
def other() -> Iterator[Issuer]:
    with Issuer("ES256") as server:
        yield server


def entries_of(*issuers: Issuer, **values: Any) -> list[dict[str, Any]]:
    return [
        {
            "name": f"issuer-{number}",
            "user_id_prefix": f"{number}:",
            "BETTER_AUTH_URL": issuer.url,
            **values,
        }
        for number, issuer in enumerate(issuers)
    ]


async def statuses(settings: Settings, *tokens: str) -> list[int]:
    """Return the status of the answer to each token, each from a new server."""
    parts = {"settings": mcp_settings(settings), "database": InMemoryDatabase()}
    return [(await ask(create_mcp_app(Container(**parts)), token)).status for token in tokens]


async def test_without_a_url_the_tokens_are_those_of_the_api(issuer: Issuer, other: Issuer) -> None:
    settings = Settings.load(auth_trusted_issuers=entries_of(issuer, other))
    unknown = issuer.token(iss="https://x.example")
    assert await statuses(settings, issuer.token(), other.token(), unknown) == [200, 200, 401]


async def test_with_a_url_only_access_tokens_for_it_are_accepted(
    issuer: Issuer, other: Issuer
) -> None:
    entries = entries_of(issuer, other, AUTH_RESOURCE=RESOURCE, AUTH_AUDIENCE=["api"])
    settings = Settings.load(auth_trusted_issuers=entries, mcp_url=MCP_URL)
    for server in (issuer, other):
        tokens = [
            server.access_token("", sub="ada", aud=MCP_URL),
            server.access_token("", sub="ada", aud=RESOURCE),
            server.token(aud="api"),
            server.token(),
        ]
        assert await statuses(settings, *tokens) == [200, 401, 401, 401]


async def test_the_metadata_name_the_authorization_server_of_each_issuer(
    issuer: Issuer, other: Issuer
) -> None:
    entries = entries_of(issuer, other)
    entries[1]["AUTH_ISSUER"] = "https://id.example.com"
    settings = mcp_settings(Settings.load(auth_trusted_issuers=entries, mcp_url=MCP_URL))
    resource = Container(settings=settings).issuer().resource
    assert resource == ProtectedResource(
        identifier=MCP_URL,
        issuers=frozenset({issuer.oauth_issuer, "https://id.example.com"}),
    )
