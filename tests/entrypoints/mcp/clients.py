"""Real MCP clients, and requests that no real client would send."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent

HEADERS: Final = {
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
    "MCP-Protocol-Version": "2025-11-25",
}


# The members that each request of a version must have in `_meta`.
VERSIONS: Final[dict[str, dict[str, Any]]] = {
    "2025-11-25": {},
    "2026-07-28": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    },
}

_NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # loading certificates takes 40 ms
_HTTP: Final = httpx2.Client(trust_env=False, verify=_NO_TLS, timeout=20)


@asynccontextmanager
async def connect(url: str, token: str, *, mode: Any = "auto") -> AsyncIterator[Client]:
    """Connect a client with a token. The mode `legacy` is the protocol with a handshake."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, trust_env=False, verify=_NO_TLS, timeout=20) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield client


def text(result: CallToolResult) -> str:
    """Return the text that the model reads."""
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


async def succeed(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool, and return its structured result."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, text(result)
    structured: dict[str, Any] = result.structured_content
    return structured


async def fail(client: Client, tool: str, **arguments: Any) -> str:
    """Call a tool that must fail, and return the text of its error."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error, result
    assert result.structured_content is None
    return text(result)


def call(tool: str, arguments: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the message that calls a tool."""
    params = {"name": tool, "arguments": dict(arguments or {})}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def post(url: str, *, token: str | None = None, body: Any = None, **headers: str) -> Any:
    """Send a message without a client library; `list_todos` by default."""
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    content = call("list_todos") if body is None else body
    return _HTTP.post(url, json=content, headers={**HEADERS, **headers})


def send(method: str, url: str, **options: Any) -> httpx2.Response:
    """Send any request."""
    return _HTTP.request(method, url, **options)
