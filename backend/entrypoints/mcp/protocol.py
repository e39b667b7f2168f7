"""The Model Context Protocol: lists the tools, and calls them for the principal of a request.

Every request carries its own token, and the server keeps no session. So a session id never gives
access to todos, and any worker process can answer any request.
"""

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
)
from pydantic import ValidationError
from starlette.types import Receive, Scope, Send

from backend import __version__
from backend.domain.auth import Principal
from backend.domain.todo_repository import RepositoryUnavailableError, SearchTimeoutError
from backend.entrypoints.mcp.errors import UNEXPECTED, explain, explain_arguments
from backend.entrypoints.mcp.todos import TodoTools
from backend.entrypoints.mcp.tools import TOOLS

NAME: Final = "secured-todo-api"

_INSTRUCTIONS: Final = (
    "The todos of the user who is signed in. Call list_todos to find the id of a todo. Ask the user"
    " before you delete todos."
)

_log = logging.getLogger(__name__)


# Keys of the ASGI scope: the principal of the request, and the OAuth scope that it lacks.
CALLER: Final = "backend.mcp.caller"
MISSING_SCOPE: Final = "backend.mcp.missing_scope"


class McpProtocol:
    """Serves requests of the protocol, in its versions with and without a handshake.

    Args:
        tools: Works on the todos.
        requires_scopes: Whether a tool needs its scope.
        report_outage: Called with each error of a database that is unavailable.
    """

    def __init__(
        self,
        tools: TodoTools,
        *,
        requires_scopes: bool,
        report_outage: Callable[[RepositoryUnavailableError], None],
    ) -> None:
        self._tools = tools
        self._requires_scopes = requires_scopes
        self._report_outage = report_outage
        self._transport: StreamableHTTPSessionManager | None = None
        self._server: Server[Any] = Server(
            NAME,
            version=__version__,
            title="Todos",
            instructions=_INSTRUCTIONS,
            on_list_tools=_list_tools,
            on_call_tool=self._call_tool,
            get_tool_input_schema=_input_schema,
        )

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Serve while the context lasts."""
        # Without a stream of events, a request is a JSON document, and the response is another.
        self._transport = StreamableHTTPSessionManager(
            self._server, stateless=True, json_response=True
        )
        async with self._transport.run():
            yield
        self._transport = None

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a POST request whose scope has the `CALLER`.

        Raises:
            RuntimeError: The app has not started.
        """
        if self._transport is None:
            raise RuntimeError("The MCP server needs the lifespan of its app.")
        await self._transport.handle_request(scope, receive, send)

    async def _call_tool(
        self, context: ServerRequestContext[Any, Any], params: CallToolRequestParams
    ) -> CallToolResult:
        tool = TOOLS.get(params.name)
        if tool is None:
            known = ", ".join(TOOLS)
            raise MCPError(code=INVALID_PARAMS, message=f"No such tool. The tools are: {known}.")
        scope = context.request.scope  # type: ignore[union-attr]  # the transport is HTTP
        principal: Principal = scope[CALLER]
        if self._requires_scopes and tool.scope not in principal.scopes:
            scope[MISSING_SCOPE] = tool.scope
            return _failure(f"The access token lacks the scope {tool.scope}.")
        try:
            arguments = tool.arguments.model_validate(params.arguments or {})
        except ValidationError as error:
            return _failure(explain_arguments(error, tool.definition.input_schema))
        try:
            result = await tool.work(self._tools, principal, arguments)
        except Exception as error:  # noqa: BLE001 - the SDK sends the text of an error to the client
            return self._failed(error)
        return CallToolResult(
            content=[TextContent(text=result.model_dump_json())],
            structured_content=result.model_dump(mode="json"),
        )

    def _failed(self, error: Exception) -> CallToolResult:
        match error:
            case SearchTimeoutError():
                pass
            case RepositoryUnavailableError():
                self._report_outage(error)
        text = explain(error)
        if text is None:
            _log.error("unexpected: %s", type(error).__name__, exc_info=error)
        return _failure(text or UNEXPECTED)


async def _list_tools(
    _context: ServerRequestContext[Any, Any], _params: PaginatedRequestParams | None
) -> ListToolsResult:
    return ListToolsResult(tools=[tool.definition for tool in TOOLS.values()])


def _input_schema(name: str) -> Mapping[str, Any] | None:
    tool = TOOLS.get(name)
    return tool.definition.input_schema if tool else None


def _failure(text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=text)], is_error=True)
