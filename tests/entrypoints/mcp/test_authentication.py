"""Who may connect: tokens, hosts, pages of browsers, and the answers to refused clients."""

import time

import pytest

from backend.testing import InvalidToken
from tests.entrypoints.mcp.clients import call, connect, post, send, succeed
from tests.entrypoints.mcp.conftest import RESOURCE, McpServer

METADATA = "/.well-known/oauth-protected-resource/mcp"
NAMED = f'resource_metadata="http://127.0.0.1:1{METADATA}"'


def test_a_request_without_a_token_gets_401(server: McpServer) -> None:
    response = post(server.url)
    assert (response.status_code, response.json()["code"]) == (401, "missing_token")
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("kind", InvalidToken)
def test_an_invalid_token_gets_401(server: McpServer, kind: InvalidToken) -> None:
    token = server.issuer.invalid_token(kind)
    response = post(server.url, token=token)
    assert response.status_code == 401
    expected = "token_expired" if kind is InvalidToken.EXPIRED else "invalid_token"
    assert response.json()["code"] in {expected, "malformed_authorization"}
    assert response.headers["WWW-Authenticate"].startswith("Bearer ")


def test_anonymous_requests_get_401_before_the_body_is_read(server: McpServer) -> None:
    response = send("POST", server.url, content=b"x" * 200_000)
    assert response.status_code == 401


def test_a_session_cookie_is_not_accepted(server: McpServer) -> None:
    cookie = f"better-auth.session_data={server.issuer.session_cookie('jwks')}"
    assert post(server.url, Cookie=cookie).status_code == 401


@pytest.mark.parametrize("host", ["attacker.example.com", "127.0.0.1.example.com", "api"])
def test_other_hosts_are_refused_on_a_loopback_address(server: McpServer, host: str) -> None:
    response = post(server.url, token=server.issuer.token(), Host=host)
    assert (response.status_code, response.json()["code"]) == (400, "untrusted_host")


@pytest.mark.parametrize("host", ["localhost:9", "127.0.0.1", "[::1]:8000"])
def test_local_hosts_are_accepted_on_a_loopback_address(server: McpServer, host: str) -> None:
    assert post(server.url, token=server.issuer.token(), Host=host).status_code == 200


@pytest.mark.parametrize("origin", ["https://attacker.example.com", "null", "http://localhost:1"])
def test_pages_that_are_not_listed_are_refused(server: McpServer, origin: str) -> None:
    response = post(server.url, token=server.issuer.token(), Origin=origin)
    assert (response.status_code, response.json()["code"]) == (403, "origin_not_allowed")


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_other_methods_get_405_because_there_are_no_streams_and_sessions(
    server: McpServer, method: str
) -> None:
    headers = {"Authorization": f"Bearer {server.issuer.token()}"}
    response = send(method, server.url, headers=headers)
    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"


def test_a_large_body_is_refused(server: McpServer) -> None:
    body = call("add_todo", {"title": "x", "description": "x" * 66_000})
    response = post(server.url, token=server.issuer.token(), body=body)
    assert (response.status_code, response.json()["code"]) == (413, "content_too_large")


def test_the_log_has_no_tokens_and_no_todos(server: McpServer) -> None:
    token = server.issuer.token(sub="logged")
    post(server.url, token=token, body=call("add_todo", {"title": "confidential"}))
    post(server.url, token=token, body=call("get_todo", {"id": "confidential"}))
    post(server.url, token=token, body=call("confidential"))
    server.process.wait_for("POST /mcp 200")
    time.sleep(0.1)
    assert token not in server.process.output
    assert token.rpartition(".")[2] not in server.process.output
    assert "confidential" not in server.process.output
    assert "Traceback" not in server.process.output


def test_a_server_without_a_url_has_no_metadata(server: McpServer) -> None:
    url = server.url.removesuffix("/mcp") + METADATA
    assert send("GET", url).status_code == 404


def test_the_metadata_name_the_authorization_server(resource: McpServer) -> None:
    response = send("GET", resource.url.removesuffix("/mcp") + METADATA)
    assert response.json() == {
        "resource": RESOURCE,
        "authorization_servers": [f"{resource.issuer.url}/api/auth"],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["todos:read", "todos:write"],
    }
    assert response.headers["Cache-Control"] == "public, max-age=3600"


def test_challenges_name_the_metadata(resource: McpServer) -> None:
    challenge = post(resource.url).headers["WWW-Authenticate"]
    assert challenge == f'Bearer realm="api", {NAMED}'
    token = resource.issuer.invalid_token(InvalidToken.EXPIRED)
    challenge = post(resource.url, token=token).headers["WWW-Authenticate"]
    assert 'error="invalid_token"' in challenge
    assert challenge.endswith(NAMED)


def test_only_access_tokens_for_this_server_are_accepted(resource: McpServer) -> None:
    issuer, scope = resource.issuer, "todos:read todos:write"
    refused = [
        issuer.token(),  # of the Todo API
        issuer.token(aud=RESOURCE),
        issuer.access_token(scope),  # for another resource
        issuer.access_token(scope, aud=f"{RESOURCE}/"),
        issuer.access_token(scope, aud=RESOURCE, iss=issuer.url),
        issuer.access_token(scope, aud=RESOURCE, iss="https://other.example.com/api/auth"),
    ]
    assert [post(resource.url, token=token).status_code for token in refused] == [401] * 6
    token = issuer.access_token(scope, aud=[RESOURCE, "https://other.example.com"])
    assert post(resource.url, token=token).status_code == 200


@pytest.mark.anyio
async def test_an_access_token_works_on_the_todos_of_its_user(resource: McpServer) -> None:
    token = resource.issuer.access_token("todos:read todos:write", aud=RESOURCE, sub="oauth-ada")
    async with connect(resource.url, token) as client:
        todo = await succeed(client, "add_todo", title="Tea")
        assert (await succeed(client, "list_todos"))["items"] == [todo]


@pytest.mark.parametrize(
    ("granted", "tool", "arguments", "missing"),
    [
        ("todos:read", "add_todo", {"title": "Tea"}, "todos:write"),
        ("todos:read", "delete_todo", {"id": "x"}, "todos:write"),
        ("todos:write", "list_todos", {}, "todos:read"),
        ("openid", "get_todo", {"id": "x"}, "todos:read"),
    ],
)
def test_a_missing_scope_is_a_403_that_names_the_scope(
    resource: McpServer, granted: str, tool: str, arguments: dict[str, str], missing: str
) -> None:
    token = resource.issuer.access_token(granted, aud=RESOURCE)
    response = post(resource.url, token=token, body=call(tool, arguments))
    assert (response.status_code, response.json()["code"]) == (403, "insufficient_scope")
    challenge = response.headers["WWW-Authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert f'scope="{missing}"' in challenge
    assert challenge.endswith(NAMED)


def test_a_token_without_scopes_may_list_the_tools(resource: McpServer) -> None:
    token = resource.issuer.access_token("openid", aud=RESOURCE)
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    assert len(post(resource.url, token=token, body=message).json()["result"]["tools"]) == 6
