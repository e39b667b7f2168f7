"""`python -m backend mcp`: its settings, its workers, and its end."""

import sys
from pathlib import Path

import pytest

from backend.entrypoints.cli.exits import MISUSED
from tests.entrypoints.cli.command_line import assert_misconfigured, run
from tests.entrypoints.mcp.clients import call, post
from tests.entrypoints.mcp.conftest import start
from tests.settings.environment import SECRET


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_mcp_needs_the_same_settings_as_serve() -> None:
    assert_misconfigured(run("mcp"), "BETTER_AUTH_URL", "DATABASE_URL")


def test_mcp_needs_a_schema() -> None:
    assert "Run `python -m backend migrate`." in run("mcp", BETTER_AUTH_SECRET=SECRET).stderr


def test_mcp_names_the_extra_if_the_sdk_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("backend.entrypoints.mcp")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mcp.server.context", None)
    result = run("mcp", BETTER_AUTH_SECRET=SECRET)
    assert result.exit_code == MISUSED
    assert "python -m pip install 'secured-todo-api[mcp,server]'" in result.stderr


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://mcp.example.com/mcp", "tokens must not be sent over plain HTTP"),
        ("mcp.example.com", "not an http:// or https:// URL"),
        ("https://mcp.example.com/mcp", "clients cannot find the authorization server"),
    ],
)
def test_the_url_must_work_with_oauth(url: str, problem: str) -> None:
    result = run("mcp", BETTER_AUTH_SECRET=SECRET, MCP_URL=url)
    assert "MCP_URL: " in result.stderr
    assert problem in result.stderr


def test_any_worker_answers_any_request_and_all_stop(folder: Path) -> None:
    from backend.testing import Issuer

    with Issuer() as issuer:
        servers = start(folder, issuer, WORKERS="2", LOG_FORMAT="json")
        server = next(servers)
        token = issuer.token(sub="ada")
        for number in range(12):
            # A connection of its own for each request, so that both workers get some.
            body = call("add_todo", {"title": f"{number}"})
            assert post(server.url, token=token, body=body, Connection="close").status_code == 200
        page = post(server.url, token=token).json()["result"]["structuredContent"]
        assert len(page["items"]) == 12
        assert server.process.stop() == 0
        assert "Traceback" not in server.process.output
        servers.close()  # type: ignore[attr-defined]  # a generator
