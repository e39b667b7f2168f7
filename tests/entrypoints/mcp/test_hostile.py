"""Messages that no real client sends: the client is at fault, and the log stays quiet."""

import json
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from backend.testing import Issuer
from tests.entrypoints.mcp.clients import HEADERS, VERSIONS, call, send
from tests.entrypoints.mcp.conftest import McpServer

DEEP = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":' + b"[" * 20_000
MESSAGES: list[Any] = [
    None,
    [],
    1,
    "x",
    {},
    {"jsonrpc": "2.0"},
    {"jsonrpc": "2.0", "id": {}, "method": "tools/call"},
    {"jsonrpc": "2.0", "id": 1, "method": "tools/call"},
    {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": []},
    {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": {}, "arguments": 1}},
    {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "get_todo", "_meta": 1}},
    {"jsonrpc": "2.0", "id": 1, "method": "\n\x1b[31m", "params": {}},
    {"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "file:///etc"}},
    {"jsonrpc": "2.0", "id": 1, "result": {"tools": []}},
    {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}},
    {"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": {}},
    {"jsonrpc": "2.0", "id": 1, "method": "logging/setLevel", "params": {"level": "debug"}},
    call("get_todo", {"id": [["x"] * 100]}),
    call("get_todo", {"id": "\ud800"}),
    call("add_todo", {"title": "\ud800"}),
    call("add_todo", {"title": {"$gt": ""}}),
    call("list_todos", {"limit": 10**30, "cursor": "\ud800"}),
    call("list_todos", {"cursor": "x" * 5000}),
    call("complete_todo", {"id": "00000000-0000-0000-0000-000000000000", "version": 10**30}),
]
RAW = [b"", b"\xff", b"{", b'{"a":NaN}', b"9" * 5000, DEEP]


@pytest.fixture
def token(mcp_issuer: Issuer) -> str:
    return mcp_issuer.token(sub="mallory")


@pytest.mark.parametrize("version", [*VERSIONS, "1999-01-01", "\xff"])
@pytest.mark.parametrize("message", [*MESSAGES, *RAW], ids=lambda message: ascii(message)[:40])
def test_a_hostile_message_is_refused(
    server: McpServer, token: str, message: Any, version: str
) -> None:
    headers = {**HEADERS, "Authorization": f"Bearer {token}", "MCP-Protocol-Version": version}
    match message:
        case {"method": "tools/call", "params": {"name": str(name)} as params}:
            headers |= {"Mcp-Method": "tools/call", "Mcp-Name": name}
            message = {**message, "params": {"_meta": VERSIONS.get(version, {}), **params}}
    content = message if isinstance(message, bytes) else json.dumps(message).encode()
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    response = send("POST", server.url, headers=raw, content=content)
    assert response.status_code < 500, response.text
    if response.status_code == 200:
        body = response.json()
        assert "error" in body or body["result"]["isError"], body
    assert "Traceback" not in server.process.output


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_that_goes_away_within_its_body_is_no_error(
    server: McpServer, token: str, version: str
) -> None:
    before = server.process.output.count("client_gone")
    headers = {**HEADERS, "Authorization": f"Bearer {token}", "MCP-Protocol-Version": version}
    lines = [f"{name}: {value}" for name, value in {**headers, "Content-Length": "9"}.items()]
    request = "\r\n".join(["POST /mcp HTTP/1.1", "Host: localhost", *lines, "", "{"])
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(request.encode())
    deadline = time.monotonic() + 10
    while server.process.output.count("client_gone") == before:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert "ERROR" not in server.process.output
