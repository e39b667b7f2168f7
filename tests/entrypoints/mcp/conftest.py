"""Fixtures: an issuer, and MCP servers in processes of their own."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from backend.testing import Issuer
from tests.entrypoints.cli.command_line import run
from tests.entrypoints.cli.server_process import Server, measured, serving

RESOURCE = "http://127.0.0.1:1/mcp"  # the port that clients know can be that of a proxy


@dataclass(frozen=True, kw_only=True)
class McpServer:
    """An MCP server.

    Attributes:
        url: The URL of its endpoint.
        issuer: The issuer that it trusts.
        process: Its process.
    """

    url: str
    issuer: Issuer
    process: Server


@pytest.fixture(scope="package")
def mcp_issuer() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


def start(folder: Path, issuer: Issuer, **variables: str) -> Iterator[McpServer]:
    database = {"DATABASE_URL": f"sqlite:///{folder}/todos.db"}
    assert run("migrate", **database).exit_code == 0
    environment = {**issuer.environment(), **database, "PORT": "0", "LOG_LEVEL": "debug"}
    with serving(folder, "mcp", **{**environment, **measured(), **variables}) as process:
        found = re.search(r"running on (http://\S+)", process.wait_for("Uvicorn running"))
        assert found is not None
        yield McpServer(url=f"{found[1]}/mcp", issuer=issuer, process=process)
        process.stop()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory, mcp_issuer: Issuer) -> Iterator[McpServer]:
    """A server for the tokens of the Todo API."""
    folder = tmp_path_factory.mktemp("mcp")
    yield from start(folder, mcp_issuer, TODOS_MAX_PER_USER="30")


@pytest.fixture(scope="package")
def resource(tmp_path_factory: pytest.TempPathFactory, mcp_issuer: Issuer) -> Iterator[McpServer]:
    """A server for OAuth access tokens, which requires scopes."""
    folder = tmp_path_factory.mktemp("mcp")
    yield from start(folder, mcp_issuer, MCP_URL=RESOURCE, AUTH_REQUIRE_SCOPES="on")
