"""docs/mcp.md: its client works, and its table has the tools."""

from pathlib import Path
from typing import Any

import pytest

from backend.entrypoints.mcp.tools import TOOLS
from tests.documents import fenced_blocks, text_of
from tests.entrypoints.mcp.clients import call, post
from tests.entrypoints.mcp.conftest import McpServer

PAGE = Path("docs/mcp.md")


@pytest.mark.anyio
async def test_the_program_of_the_page_lists_the_open_todos(server: McpServer) -> None:
    token = server.issuer.token(sub="reader of the page")
    for title, completed in (("Tea", False), ("Milk", True)):
        body = call("add_todo", {"title": title, "completed": completed})
        assert post(server.url, token=token, body=body).status_code == 200
    (block,) = [block for block in fenced_blocks(PAGE) if block.language == "python"]
    names: dict[str, Any] = {}
    exec(compile(block.text, PAGE.name, "exec"), names)  # noqa: S102 - the code of our page
    assert await names["open_todos"](server.url, token) == ["Tea"]


def test_the_page_lists_the_tools_and_their_hints() -> None:
    rows = [line.split("|") for line in text_of(PAGE).splitlines() if line.startswith("| `")]
    hints = {row[1].strip(" `"): row[3].strip() for row in rows}
    assert list(hints) == list(TOOLS)
    for name, tool in TOOLS.items():
        shown = tool.definition.annotations
        assert shown is not None
        assert ("read-only" in hints[name]) is shown.read_only_hint
        assert ("destructive" in hints[name]) is shown.destructive_hint
        if not shown.read_only_hint:
            assert ("idempotent" in hints[name]) is shown.idempotent_hint
