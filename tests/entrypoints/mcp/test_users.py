"""Two users: any request works on the todos of the user of its token."""

import json
from uuid import UUID, uuid4

import pytest

from tests.entrypoints.mcp.clients import call, connect, fail, post, succeed
from tests.entrypoints.mcp.conftest import McpServer

NOT_FOUND = "No todo with this id. Call list_todos to get the ids."

pytestmark = pytest.mark.anyio


def new_user(server: McpServer) -> str:
    """Return the token of a user without todos."""
    return server.issuer.token(sub=f"user-{uuid4()}")


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_users_see_their_own_todos_only(server: McpServer, mode: str) -> None:
    ada, bob = new_user(server), new_user(server)
    async with (
        connect(server.url, ada, mode=mode) as adas,
        connect(server.url, bob, mode=mode) as bobs,
    ):
        todo = await succeed(adas, "add_todo", title="Buy milk")
        assert (await succeed(bobs, "list_todos"))["items"] == []
        for tool in ("get_todo", "complete_todo", "delete_todo"):
            assert await fail(bobs, tool, id=todo["id"]) == NOT_FOUND
        assert await fail(bobs, "change_todo", id=todo["id"], title="Mine") == NOT_FOUND
        assert await fail(bobs, "delete_todo", id=todo["id"], version=1) == NOT_FOUND
        assert (await succeed(adas, "list_todos"))["items"] == [todo]


@pytest.mark.parametrize("name", ["user_id", "userId", "owner", "sub", "principal", "caller"])
@pytest.mark.parametrize("tool", ["list_todos", "add_todo", "get_todo", "change_todo"])
async def test_a_user_id_in_the_arguments_is_refused(
    server: McpServer, tool: str, name: str
) -> None:
    arguments = {
        "list_todos": {},
        "add_todo": {"title": "Yours"},
        "get_todo": {"id": str(uuid4())},
        "change_todo": {"id": str(uuid4()), "title": "Yours"},
    }[tool]
    response = post(server.url, token=new_user(server), body=call(tool, {**arguments, name: "bob"}))
    result = response.json()["result"]
    assert result["isError"]
    assert f"{name} is not an argument of this tool" in result["content"][0]["text"]


async def test_a_user_id_beside_the_arguments_has_no_effect(server: McpServer) -> None:
    ada, bob = "ada-of-the-smuggler", "bob-of-the-smuggler"
    async with connect(server.url, server.issuer.token(sub=bob)) as bobs:
        await succeed(bobs, "add_todo", title="Secret")
    message = call("list_todos")
    message["params"] |= {"user_id": bob, "_meta": {"user_id": bob, "sub": bob}}
    response = post(
        f"{server.url}?user_id={bob}",
        token=server.issuer.token(sub=ada),
        body=message,
        **{"X-User-Id": bob, "Mcp-Param-User-Id": bob},
    )
    assert response.status_code == 200
    assert response.json()["result"]["structuredContent"]["items"] == []
    assert "Secret" not in response.text


async def test_the_cursor_of_another_user_is_refused(server: McpServer) -> None:
    ada, bob = new_user(server), new_user(server)
    async with connect(server.url, ada) as adas, connect(server.url, bob) as bobs:
        for client in (adas, bobs):
            for number in range(3):
                await succeed(client, "add_todo", title=f"Todo {number}")
        page = await succeed(adas, "list_todos", limit=2)
        cursor = page["next_cursor"]
        message = await fail(bobs, "list_todos", limit=2, cursor=cursor)
        assert message.endswith("call list_todos without cursor.")
        rest = await succeed(adas, "list_todos", limit=2, cursor=cursor)
        assert [todo["title"] for todo in rest["items"]] == ["Todo 0"]
        assert rest["next_cursor"] is None
        other = await fail(adas, "list_todos", limit=2, cursor=cursor, completed=True)
        assert "keep its sort order and filters" in other


async def test_a_session_id_gives_no_access(server: McpServer) -> None:
    async with connect(server.url, new_user(server), mode="legacy") as adas:
        await succeed(adas, "add_todo", title="Secret")
        initialize = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": "test", "version": "1"},
            },
        }
        opened = post(server.url, token=new_user(server), body=initialize)
        assert opened.status_code == 200
        assert "mcp-session-id" not in opened.headers
        for session_id in ("1", uuid4().hex, ""):
            response = post(server.url, token=new_user(server), **{"Mcp-Session-Id": session_id})
            assert response.json()["result"]["structuredContent"]["items"] == []
            assert "mcp-session-id" not in response.headers


async def test_a_token_is_checked_in_each_request_of_a_connection(server: McpServer) -> None:
    ada, bob = new_user(server), new_user(server)
    async with connect(server.url, ada, mode="legacy") as adas:
        await succeed(adas, "add_todo", title="Secret")
    assert post(server.url, **{"Mcp-Session-Id": "1"}).status_code == 401
    assert "Secret" not in post(server.url, token=bob).text
    assert "Secret" in post(server.url, token=ada).text


async def test_a_batch_of_messages_is_refused(server: McpServer) -> None:
    response = post(server.url, token=new_user(server), body=[call("list_todos")] * 2)
    assert response.status_code == 400


async def test_no_tool_has_an_argument_for_a_user(server: McpServer) -> None:
    async with connect(server.url, new_user(server)) as client:
        tools = (await client.list_tools()).tools
    names = {name for tool in tools for name in tool.input_schema["properties"]}
    assert names == {
        *("id", "version", "title", "description", "completed", "priority", "due_at"),
        *("limit", "cursor", "sort", "due_before", "q"),
    }
    assert not any("user" in json.dumps(tool.input_schema["properties"]) for tool in tools)


async def test_ids_are_not_guessed_from_numbers(server: McpServer) -> None:
    async with connect(server.url, new_user(server)) as client:
        assert await fail(client, "get_todo", id=str(UUID(int=1))) == NOT_FOUND
        wrong = await fail(client, "get_todo", id="1")
        assert wrong == "Invalid arguments: id must be a UUID. The tool takes: id."
