"""An assistant discovers Better Auth: the MCP server, its OAuth, and two users."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

from tests.e2e.backend import NO_COVERAGE, Backend, bearer
from tests.e2e.better_auth import Issuer, User
from tests.e2e.oauth import CALLBACK
from tests.e2e.processes import free_port
from tests.e2e.servers import Servers
from tests.entrypoints.mcp.clients import succeed

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An MCP server, an API on the same database, and their authorization server."""

    mcp: Backend
    api: Backend
    issuer: Issuer

    @property
    def url(self) -> str:
        return f"{self.mcp.url}/mcp"


@pytest.fixture(scope="module")
def site(shared_servers: Servers) -> Site:
    port = free_port()
    url = f"http://127.0.0.1:{port}/mcp"
    issuer = shared_servers.issuer(OAUTH_RESOURCE=url)
    variables = {"BETTER_AUTH_URL": issuer.url, **NO_COVERAGE}
    api = shared_servers.backend(**variables)
    oauth = {"MCP_URL": url, "AUTH_REQUIRE_SCOPES": "on", "PORT": str(port)}
    return Site(mcp=shared_servers.backend("mcp", **variables, **oauth), api=api, issuer=issuer)


class Assistant:
    """The SDK's OAuth client, with a user who is signed in and agrees to everything."""

    def __init__(self, url: str, user: User) -> None:
        self.token: OAuthToken | None = None
        self.consents = 0
        self._url = url
        self._user = user
        self._client: OAuthClientInformationFull | None = None
        self._answer: dict[str, list[str]] = {}

    async def get_tokens(self) -> OAuthToken | None:
        return self.token

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.token = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self._client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self._client = client_info

    async def open_browser(self, url: str) -> None:
        browser = self._user.browser
        location = browser.get(url).headers["location"]
        if location.startswith("/consent"):
            self.consents += 1
            answer = {"accept": True, "oauth_query": urlsplit(location).query}
            consent = browser.post("/api/auth/oauth2/consent", json=answer)
            location = consent.raise_for_status().json()["url"]
        self._answer = parse_qs(urlsplit(location).query)

    async def receive_callback(self) -> AuthorizationCodeResult:
        values = {name: values[0] for name, values in self._answer.items()}
        return AuthorizationCodeResult(
            code=values["code"], state=values.get("state"), iss=values.get("iss")
        )

    def http(self) -> AbstractAsyncContextManager[httpx2.AsyncClient]:
        metadata = OAuthClientMetadata(
            client_name="Assistant",
            redirect_uris=[CALLBACK],  # type: ignore[list-item]  # pydantic converts the text
            token_endpoint_auth_method="none",
            grant_types=["authorization_code"],
        )
        provider = OAuthClientProvider(
            self._url,
            metadata,
            storage=self,
            redirect_handler=self.open_browser,
            callback_handler=self.receive_callback,
        )
        return httpx2.AsyncClient(auth=provider, trust_env=False, timeout=20)


async def test_an_assistant_acts_for_two_users_and_does_not_mix_their_todos(site: Site) -> None:
    users = [site.issuer.sign_up(), site.issuer.sign_up()]
    pages: list[Any] = []
    for user in users:
        assistant = Assistant(site.url, user)
        async with (
            assistant.http() as http,
            Client(streamable_http_client(site.url, http_client=http)) as client,
        ):
            assert (await succeed(client, "list_todos"))["items"] == []
            todo = await succeed(client, "add_todo", title=f"for {user.id}")
            pages.append((await succeed(client, "list_todos"))["items"])
            assert pages[-1] == [todo]
        assert assistant.consents >= 1
        assert assistant.token is not None
        token = assistant.token.access_token
        # The API refuses the token of the assistant, and the MCP server refuses tokens of the API.
        assert site.api.me(token).status_code == 401
        for refused in (user.token(), None):
            headers = bearer(refused) if refused else {}
            assert site.mcp.client.post("/mcp", headers=headers, json={}).status_code == 401
        # The user finds the todo in the API.
        found = site.api.client.get("/api/todos", headers=bearer(user.token())).json()["items"]
        assert [item["title"] for item in found] == [f"for {user.id}"]
        assert token not in site.mcp.output
    assert pages[0] != pages[1]
