"""The tools: name, description, hints, schemas, scope, and the method that does the work."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mcp_types import Tool, ToolAnnotations
from pydantic import BaseModel

from backend.domain.auth import Principal
from backend.entrypoints.http.todos.list_parameters import inline_references
from backend.entrypoints.http.todos.routes import READ_SCOPE, WRITE_SCOPE
from backend.entrypoints.mcp.arguments import (
    AddTodo,
    ChangeTodo,
    GetTodo,
    ListTodos,
    VersionedTodo,
)
from backend.entrypoints.mcp.results import DeletedTodo, TodoPageResult, TodoResult
from backend.entrypoints.mcp.todos import TodoTools

Work = Callable[[TodoTools, Principal, Any], Awaitable[BaseModel]]

_READS: Final = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
_ADDS: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
)
_COMPLETES: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
_OVERWRITES: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TodoTool:
    """A tool.

    Attributes:
        definition: The description of the tool for clients.
        arguments: The model of its arguments.
        scope: The OAuth scope that the tool needs if the settings require scopes.
        work: The method that does the work.
    """

    definition: Tool
    arguments: type[BaseModel]
    scope: str
    work: Work


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return a JSON schema without references, which some clients do not follow.

    A default of null is left out: a field that `change_todo` does not get keeps its value.
    """
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    inlined: dict[str, Any] = inline_references(schema, definitions)
    for member in inlined["properties"].values():
        if member.get("default", ...) is None:
            del member["default"]
    return inlined


def _tool(  # noqa: PLR0913 - the parts of a tool
    name: str,
    title: str,
    description: str,
    *,
    hints: ToolAnnotations,
    arguments: type[BaseModel],
    result: type[BaseModel],
    work: Work,
) -> TodoTool:
    definition = Tool(
        name=name,
        title=title,
        description=description,
        input_schema=_schema(arguments),
        output_schema=_schema(result),
        annotations=hints,
    )
    scope = READ_SCOPE if hints.read_only_hint else WRITE_SCOPE
    return TodoTool(definition=definition, arguments=arguments, scope=scope, work=work)


_ALL: Final = (
    _tool(
        "list_todos",
        "List todos",
        "List the user's todos, the newest first, with filters, search (q) and sort orders. Returns"
        " a page; send next_cursor as cursor, with the same filters, to get the next page.",
        hints=_READS,
        arguments=ListTodos,
        result=TodoPageResult,
        work=TodoTools.list,
    ),
    _tool(
        "get_todo",
        "Read a todo",
        "Return one of the user's todos.",
        hints=_READS,
        arguments=GetTodo,
        result=TodoResult,
        work=TodoTools.get,
    ),
    _tool(
        "add_todo",
        "Add a todo",
        "Add a todo for the user. Each call adds another todo.",
        hints=_ADDS,
        arguments=AddTodo,
        result=TodoResult,
        work=TodoTools.add,
    ),
    _tool(
        "change_todo",
        "Change a todo",
        "Change the fields that you send; the others keep their values. null clears description or"
        " due_at. completed=false opens a completed todo again.",
        hints=_OVERWRITES,
        arguments=ChangeTodo,
        result=TodoResult,
        work=TodoTools.change,
    ),
    _tool(
        "complete_todo",
        "Complete a todo",
        "Mark one of the user's todos as completed.",
        hints=_COMPLETES,
        arguments=VersionedTodo,
        result=TodoResult,
        work=TodoTools.complete,
    ),
    _tool(
        "delete_todo",
        "Delete a todo",
        "Delete one of the user's todos for ever. To mark it as done, call complete_todo.",
        hints=_OVERWRITES,
        arguments=VersionedTodo,
        result=DeletedTodo,
        work=TodoTools.delete,
    ),
)

TOOLS: Final[Mapping[str, TodoTool]] = {tool.definition.name: tool for tool in _ALL}
