"""The app in this process: outages, errors of the server, hosts and pages."""

import json
import logging
from typing import Any

import pytest

from backend.adapters.persistence.memory import InMemoryDatabase, InMemoryTodoRepository
from backend.container import Container
from backend.container.mcp import LOCAL_HOSTS, mcp_settings
from backend.domain.auth import Principal, VerifierUnavailableError
from backend.domain.todo_repository import RepositoryUnavailableError, SearchTimeoutError
from backend.entrypoints.http.app import Api
from backend.entrypoints.mcp.app import create_mcp_app
from backend.settings import Settings
from backend.testing import FakeTokenVerifier, principal
from tests.entrypoints.http.asgi_client import RawResponse, app_lifespan, send_request
from tests.entrypoints.http.broken_todos import BrokenTodos
from tests.entrypoints.mcp.clients import VERSIONS, call

pytestmark = pytest.mark.anyio


def make_app(todos: Any = None, **values: Any) -> Api:
    settings = mcp_settings(Settings(**{"better_auth_secret": "s" * 32, **values}))
    outage = VerifierUnavailableError("no keys", retry_after=3)
    known: dict[str, Principal | Exception] = {"ada": principal("ada"), "down": outage}
    parts = {"token_verifier": FakeTokenVerifier(known), "database": InMemoryDatabase()}
    if todos is None:
        todos = InMemoryTodoRepository(parts["database"])  # type: ignore[arg-type]  # the database
    return create_mcp_app(Container(settings=settings, todos=todos, **parts))


async def ask(
    app: Api, user: str = "ada", *, version: str = "2025-11-25", **headers: str
) -> RawResponse:
    message = call("list_todos")
    message["params"]["_meta"] = VERSIONS[version]
    sent = {
        "host": "127.0.0.1",
        "authorization": f"Bearer {user}",
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": version,
        "mcp-method": "tools/call",
        "mcp-name": "list_todos",
        **headers,
    }
    raw = [(name.encode(), value.encode()) for name, value in sent.items()]
    async with app_lifespan(app):
        body = [json.dumps(message).encode()]
        return await send_request(app, "/mcp", method="POST", headers=raw, body=body)


async def test_an_outage_of_the_verifier_is_503_and_no_challenge() -> None:
    response = await ask(make_app(), "down")
    assert (response.status, response.json()["code"]) == (503, "verifier_unavailable")
    assert response.header("retry-after") == "3"
    assert response.header("www-authenticate") is None


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_outage_of_the_database_is_an_error_of_the_tool(
    version: str, caplog: pytest.LogCaptureFixture
) -> None:
    error = RepositoryUnavailableError("connection refused by db.internal", retry_after=2.5)
    response = await ask(make_app(BrokenTodos(error)), version=version)
    assert response.status == 200
    result = response.json()["result"]
    assert result["isError"]
    text = "The todos are temporarily unavailable. Try again after 3 seconds."
    assert [content["text"] for content in result["content"]] == [text]
    assert "unavailable: database: connection refused by db.internal" in caplog.text


async def test_a_slow_search_is_not_an_outage(caplog: pytest.LogCaptureFixture) -> None:
    response = await ask(make_app(BrokenTodos(SearchTimeoutError("too slow"))))
    assert "The search took too long." in response.body.decode()
    assert "unavailable: database" not in caplog.text


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_unexpected_error_stays_in_the_log(
    version: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = await ask(make_app(BrokenTodos(LookupError("internal detail"))), version=version)
    assert response.status == 200
    assert "An unexpected error occurred on the server." in response.body.decode()
    assert b"internal detail" not in response.body
    records = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in records] == ["unexpected: LookupError"]
    assert "internal detail" in caplog.text


async def test_listed_pages_may_call_the_server() -> None:
    app = make_app(cors_origins=("https://app.example.com",))
    response = await ask(app, origin="https://app.example.com")
    assert response.status == 200
    assert response.header("access-control-allow-origin") == "https://app.example.com"
    app = make_app(cors_origins=("https://app.example.com",))
    assert (await ask(app, origin="https://example.com")).status == 403


async def test_trusted_hosts_replace_the_local_hosts() -> None:
    hosts = ("mcp.example.com",)
    assert (await ask(make_app(trusted_hosts=hosts), host="mcp.example.com")).status == 200
    assert (await ask(make_app(trusted_hosts=hosts))).status == 400


async def test_a_server_on_other_addresses_trusts_every_host_by_default() -> None:
    assert (await ask(make_app(host="0.0.0.0"), host="mcp.example.com")).status == 200  # noqa: S104 - not bound


async def test_a_request_before_the_start_is_an_error_of_the_server() -> None:
    app = make_app()
    headers = [(b"authorization", b"Bearer ada"), (b"host", b"localhost")]
    response = await send_request(app, "/mcp", method="POST", headers=headers, raising=False)
    assert (response.status, response.json()["code"]) == (500, "internal_error")


def test_the_settings_of_the_server_follow_from_those_of_the_api() -> None:
    settings = Settings(better_auth_url="https://app.example.com", auth_audience=("api",))
    assert mcp_settings(settings) == settings.model_copy(update={"trusted_hosts": LOCAL_HOSTS})
    url = "https://mcp.example.com/mcp"
    derived = mcp_settings(settings.model_copy(update={"mcp_url": url}))
    assert derived.auth_audience == (url,)
    assert derived.auth_issuer == ("https://app.example.com/api/auth",)


@pytest.mark.parametrize(
    ("values", "issuer"),
    [
        ({"better_auth_url": "https://app.example.com/auth/"}, "https://app.example.com/auth"),
        (
            {"better_auth_url": "https://app.example.com", "auth_issuer": ("https://id",)},
            "https://id",
        ),
    ],
)
def test_the_issuer_has_the_base_path_unless_it_is_set(values: dict[str, Any], issuer: str) -> None:
    settings = mcp_settings(Settings(mcp_url="https://mcp.example.com/mcp", **values))
    assert settings.auth_issuer == (issuer,)
