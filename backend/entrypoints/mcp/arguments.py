"""The arguments of the tools, by the rules of the Todo API. No tool takes a user id."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from backend.entrypoints.http.todos.list_parameters import ListParameters
from backend.entrypoints.http.todos.representations import NewTodo, TodoChanges

TodoId = Annotated[UUID, Field(description="The `id` of the todo, as list_todos returns it.")]
Version = Annotated[
    int | None,
    Field(
        ge=1,
        description="The `version` that you have read. The call fails if the todo has changed"
        " since. Without a version, the call applies to every version.",
    ),
]

ListTodos = ListParameters
AddTodo = NewTodo


class GetTodo(BaseModel):
    """Which todo to read."""

    model_config = ConfigDict(extra="forbid")

    id: TodoId


class VersionedTodo(BaseModel):
    """Which todo to complete or delete."""

    model_config = ConfigDict(extra="forbid")

    id: TodoId
    version: Version = None


class ChangeTodo(TodoChanges):
    """Which todo to change, and the fields to change."""

    id: TodoId
    version: Version = None
