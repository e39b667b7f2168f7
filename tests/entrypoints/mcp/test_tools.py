"""The tools as a model sees them: schemas, hints, results, pages and errors."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from mcp.shared.exceptions import MCPError

from tests.entrypoints.mcp.clients import connect, fail, succeed
from tests.entrypoints.mcp.conftest import McpServer

pytestmark = pytest.mark.anyio

HINTS = {
    "list_todos": (True, False, True),
    "get_todo": (True, False, True),
    "add_todo": (False, False, False),
    "change_todo": (False, True, True),
    "complete_todo": (False, False, True),
    "delete_todo": (False, True, True),
}


def new_user(server: McpServer) -> str:
    return server.issuer.token(sub=f"user-{uuid4()}")


async def test_the_tools_are_described_for_models_and_clients(server: McpServer) -> None:
    async with connect(server.url, new_user(server)) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert "Ask the user before you delete" in str(client.instructions)
    assert list(tools) == list(HINTS)
    for name, tool in tools.items():
        hints = tool.annotations
        assert hints is not None
        shown = (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint)
        assert (shown, hints.open_world_hint) == (HINTS[name], False)
        assert tool.title
        assert tool.description
        assert tool.output_schema is not None
        for schema in (tool.input_schema, tool.output_schema):
            assert schema["type"] == "object"
            assert "$ref" not in str(schema)
        assert tool.input_schema["additionalProperties"] is False


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_todo_is_added_changed_completed_and_deleted(server: McpServer, mode: str) -> None:
    async with connect(server.url, new_user(server), mode=mode) as client:
        added = await succeed(
            client, "add_todo", title="Buy milk", priority="high", due_at="2026-12-01T12:00:00Z"
        )
        assert (added["title"], added["priority"], added["version"]) == ("Buy milk", "high", 1)
        changed = await succeed(client, "change_todo", id=added["id"], title="Tea", due_at=None)
        assert (changed["title"], changed["due_at"], changed["version"]) == ("Tea", None, 2)
        assert changed["priority"] == "high"
        done = await succeed(client, "complete_todo", id=added["id"], version=2)
        assert (done["completed"], done["version"]) == (True, 3)
        assert await succeed(client, "get_todo", id=added["id"]) == done
        deleted = await succeed(client, "delete_todo", id=added["id"], version=3)
        assert deleted == {"id": added["id"]}
        assert (await succeed(client, "list_todos")) == {"items": [], "next_cursor": None}


async def test_a_repeated_change_has_no_further_effect(server: McpServer) -> None:
    async with connect(server.url, new_user(server)) as client:
        todo = await succeed(client, "add_todo", title="Tea")
        first = await succeed(client, "complete_todo", id=todo["id"])
        assert await succeed(client, "complete_todo", id=todo["id"]) == first
        changed = await succeed(client, "change_todo", id=todo["id"], title="Milk")
        assert await succeed(client, "change_todo", id=todo["id"], title="Milk") == changed


async def test_an_old_version_is_not_overwritten(server: McpServer) -> None:
    stale = "The todo has changed since you read it. Call get_todo, and try again."
    async with connect(server.url, new_user(server)) as client:
        todo = await succeed(client, "add_todo", title="Tea")
        await succeed(client, "change_todo", id=todo["id"], title="Milk", version=1)
        assert await fail(client, "change_todo", id=todo["id"], title="Jam", version=1) == stale
        assert await fail(client, "complete_todo", id=todo["id"], version=1) == stale
        assert await fail(client, "delete_todo", id=todo["id"], version=1) == stale
        assert (await succeed(client, "get_todo", id=todo["id"]))["title"] == "Milk"


async def test_changes_of_different_fields_at_the_same_time_are_all_kept(server: McpServer) -> None:
    changes: list[dict[str, Any]] = [
        {"title": "Milk"},
        {"description": "Two litres"},
        {"priority": "low"},
        {"completed": True},
    ]
    async with connect(server.url, new_user(server)) as client:
        todo = await succeed(client, "add_todo", title="Tea")
        await asyncio.gather(
            *(succeed(client, "change_todo", id=todo["id"], **change) for change in changes)
        )
        stored = await succeed(client, "get_todo", id=todo["id"])
    assert [stored | change for change in changes] == [stored] * 4
    assert stored["version"] == 5


async def test_filters_search_and_sort_orders_work(server: McpServer) -> None:
    async with connect(server.url, new_user(server)) as client:
        await succeed(client, "add_todo", title="Buy milk", priority="low")
        await succeed(client, "add_todo", title="Call Ada", priority="high", completed=True)

        async def titles(**arguments: Any) -> list[str]:
            page = await succeed(client, "list_todos", **arguments)
            return [todo["title"] for todo in page["items"]]

        assert await titles() == ["Call Ada", "Buy milk"]
        assert await titles(completed=False) == ["Buy milk"]
        assert await titles(q="ADA") == ["Call Ada"]
        assert await titles(priority="high") == ["Call Ada"]
        assert await titles(sort="title") == ["Buy milk", "Call Ada"]


async def test_pages_are_bounded_in_number_and_size(server: McpServer) -> None:
    async with connect(server.url, new_user(server)) as client:
        for number in range(9):
            await succeed(client, "add_todo", title=f"{number}", description="x" * 9_000)
        assert "limit should be less than or equal to 100" in await fail(
            client, "list_todos", limit=101
        )
        seen, cursor = [], None
        while True:
            arguments = {"limit": 100, "sort": "title"} | ({"cursor": cursor} if cursor else {})
            result = await client.call_tool("list_todos", arguments)
            page = result.structured_content
            assert len(result.content[0].model_dump_json()) < 40_000
            seen += [todo["title"] for todo in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
            assert len(page["items"]) == 3
        assert seen == [f"{number}" for number in range(9)]


async def test_a_todo_that_is_longer_than_a_page_is_on_a_page_of_its_own(server: McpServer) -> None:
    async with connect(server.url, new_user(server)) as client:
        for number in range(2):
            await succeed(client, "add_todo", title=f"{number}", description="\u20ac" * 10_000)
        page = await succeed(client, "list_todos", sort="title")
        assert [todo["title"] for todo in page["items"]] == ["0"]
        page = await succeed(client, "list_todos", sort="title", cursor=page["next_cursor"])
        assert [todo["title"] for todo in page["items"]] == ["1"]
        assert page["next_cursor"] is None


async def test_the_limit_of_todos_is_named(server: McpServer) -> None:
    async with connect(server.url, new_user(server)) as client:
        await asyncio.gather(*(succeed(client, "add_todo", title="Tea") for _ in range(30)))
        message = await fail(client, "add_todo", title="One more")
    assert message.startswith("The user has 30 todos, the most that a user may have.")


@pytest.mark.parametrize(
    ("tool", "arguments", "problem"),
    [
        ("add_todo", {}, "title is required"),
        ("add_todo", {"title": "x" * 201}, "title should have at most 200 characters"),
        ("add_todo", {"title": "x", "due_at": "tomorrow"}, "due_at must be a time with a UTC"),
        ("add_todo", {"title": "x", "priority": "top"}, "priority should be 'low', 'normal' or"),
        ("change_todo", {"id": str(uuid4())}, "No field to change."),
        ("change_todo", {"title": "x"}, "id is required"),
        ("change_todo", {"id": str(uuid4()), "title": None}, "title should be a valid string"),
        ("complete_todo", {"id": str(uuid4()), "version": 0}, "version should be greater than or"),
        ("add_todo", {"title": " "}, "title must not be blank. Correct the argument"),
        ("list_todos", {"q": "a\0"}, "q must not contain NUL"),
        ("list_todos", {"cursor": "AAAA"}, "cursor is not valid for this list"),
        ("list_todos", {"sort": "id"}, "sort should be 'created_at', '-created_at'"),
    ],
)
async def test_errors_say_what_was_wrong(
    server: McpServer, tool: str, arguments: dict[str, Any], problem: str
) -> None:
    async with connect(server.url, new_user(server)) as client:
        assert problem in await fail(client, tool, **arguments)


async def test_an_unknown_tool_is_an_error_of_the_protocol(server: McpServer) -> None:
    async with connect(server.url, new_user(server)) as client:
        with pytest.raises(MCPError, match=r"No such tool\. The tools are: list_todos, get_todo"):
            await client.call_tool("drop_todos", {})
        with pytest.raises(MCPError, match="Method not found"):
            await client.list_resources()
