"""Without `MCP_URL`, the MCP server accepts the tokens of several issuers."""

import pytest

from backend.adapters.persistence.memory import InMemoryDatabase
from backend.container import Container
from backend.container.mcp import mcp_settings
from backend.entrypoints.mcp.app import create_mcp_app
from backend.settings import Settings
from backend.testing import Issuer
from tests.entrypoints.mcp.test_app import ask

pytestmark = pytest.mark.anyio


async def test_users_of_two_issuers_list_their_todos(issuer: Issuer) -> None:
    with Issuer("ES256") as other:
        entries = [
            {"name": name, "user_id_prefix": f"{name}:", "BETTER_AUTH_URL": server.url}
            for name, server in (("acme", issuer), ("globex", other))
        ]
        settings = mcp_settings(Settings.load(auth_trusted_issuers=entries))
        for server in (issuer, other):
            app = create_mcp_app(Container(settings=settings, database=InMemoryDatabase()))
            assert (await ask(app, server.token(sub="ada"))).status == 200
        assert (await ask(app, issuer.token(iss="https://x.example"))).status == 401
