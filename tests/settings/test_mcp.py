"""The URL of the MCP server: OAuth must be able to work with it."""

import pytest

from tests.settings.environment import SECRET, Environment

ISSUER = {"BETTER_AUTH_URL": "https://app.example.com"}
URL = "https://mcp.example.com/mcp"


@pytest.mark.parametrize("url", [URL, "http://127.0.0.1:8001/mcp", "http://localhost:8001/mcp"])
def test_a_url_that_tokens_may_be_sent_to_is_accepted(environment: Environment, url: str) -> None:
    assert environment.read(**ISSUER, MCP_URL=url).mcp_url == url


def test_plain_http_to_another_machine_is_refused(environment: Environment) -> None:
    (complaint,) = environment.complaints(**ISSUER, MCP_URL="http://mcp.example.com/mcp")
    assert complaint.variable == "MCP_URL"
    assert complaint.problem == "tokens must not be sent over plain HTTP"


def test_the_authorization_server_must_be_known(environment: Environment) -> None:
    (complaint,) = environment.complaints(BETTER_AUTH_SECRET=SECRET, MCP_URL=URL)
    assert "clients cannot find the authorization server" in str(complaint)
    known = environment.read(
        AUTH_JWKS_URL="https://id.example.com/jwks", AUTH_ISSUER="https://id", MCP_URL=URL
    )
    assert known.mcp_url == URL
