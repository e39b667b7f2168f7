"""The results of the tools: todos as the Todo API shows them, with their versions."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from backend.entrypoints.http.todos.representations import TodoResponse


class TodoResult(TodoResponse):
    """A todo. All times are in UTC."""

    version: int = Field(description="Each change adds 1. Send it to avoid lost updates.")


class TodoPageResult(BaseModel):
    """A page of todos."""

    model_config = ConfigDict(from_attributes=True)

    items: list[TodoResult]
    next_cursor: str | None = Field(
        description="Send it as `cursor` to get the next page; null on the last page."
    )


class DeletedTodo(BaseModel):
    """The todo that was deleted."""

    id: UUID
