"""The work of the tools. The owner of every todo is the principal of the request."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from backend.domain.auth import Principal
from backend.domain.todo import Todo, TodoConflictError
from backend.domain.todo_repository import RepositoryUnavailableError, TodoRepository
from backend.entrypoints.http.todos.cursors import Cursors
from backend.entrypoints.http.todos.page_size import shorten
from backend.entrypoints.mcp.arguments import (
    AddTodo,
    ChangeTodo,
    GetTodo,
    ListTodos,
    VersionedTodo,
)
from backend.entrypoints.mcp.errors import EmptyChangeError
from backend.entrypoints.mcp.results import DeletedTodo, TodoPageResult, TodoResult

PAGE_MAX_BYTES: Final = 32 * 1024  # of JSON: about 8,000 tokens of a model's context
MAX_ATTEMPTS: Final = 8  # to save a change while other requests change the same todo
_RETRY_DELAY: Final = 0.005  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class TodoTools:
    """Works on the todos of a principal.

    Every method raises the errors of the domain, including `RepositoryUnavailableError`.

    Attributes:
        todos: Stores the todos.
        cursors: Seals the cursors of pages.
        clock: Returns the time in seconds since the epoch.
    """

    todos: TodoRepository
    cursors: Cursors
    clock: Callable[[], float]

    async def list(self, principal: Principal, arguments: ListTodos) -> TodoPageResult:
        """Return a page of todos.

        Raises:
            InvalidCursorError: The cursor was not issued for this user and this list.
        """
        query, user_id = arguments.to_query(), principal.user_id
        if arguments.cursor is not None:
            position = await self.cursors.decode(arguments.cursor, user_id, query)
            query = replace(query, after=position)
        page = shorten(await self.todos.list(user_id, query), query.sort, max_bytes=PAGE_MAX_BYTES)
        cursor = await self.cursors.encode(page.next, user_id, query) if page.next else None
        return TodoPageResult.model_validate({"items": page.items, "next_cursor": cursor})

    async def get(self, principal: Principal, arguments: GetTodo) -> TodoResult:
        """Return a todo."""
        return _result(await self.todos.get(principal.user_id, arguments.id))

    async def add(self, principal: Principal, arguments: AddTodo) -> TodoResult:
        """Create a todo."""
        todo = Todo.create(now=self._now(), **dict(arguments))
        return _result(await self.todos.add(principal.user_id, todo))

    async def change(self, principal: Principal, arguments: ChangeTodo) -> TodoResult:
        """Change fields of a todo."""
        changes = arguments.model_dump(exclude_unset=True, exclude={"id", "version"})
        if not changes:
            raise EmptyChangeError
        todo = await self._save(principal.user_id, arguments.id, arguments.version, changes)
        return _result(todo)

    async def complete(self, principal: Principal, arguments: VersionedTodo) -> TodoResult:
        """Mark a todo as completed."""
        changes = {"completed": True}
        todo = await self._save(principal.user_id, arguments.id, arguments.version, changes)
        return _result(todo)

    async def delete(self, principal: Principal, arguments: VersionedTodo) -> DeletedTodo:
        """Delete a todo."""
        await self.todos.remove(principal.user_id, arguments.id, version=arguments.version)
        return DeletedTodo(id=arguments.id)

    async def _save(
        self, user_id: str, todo_id: UUID, version: int | None, changes: dict[str, Any]
    ) -> Todo:
        """Save changes, unless the todo has these values already."""
        for attempt in range(MAX_ATTEMPTS):
            if attempt > 0:
                await asyncio.sleep(random.uniform(0, attempt * _RETRY_DELAY))  # noqa: S311 - jitter
            todo = await self.todos.get(user_id, todo_id)
            if version not in {None, todo.version}:
                raise TodoConflictError("the call names another version")
            changed = todo.change(now=self._now(), **changes)
            if all(getattr(changed, name) == getattr(todo, name) for name in changes):
                return todo
            try:
                await self.todos.save(user_id, changed)
            except TodoConflictError:
                if version is not None:
                    raise
            else:
                return changed
        raise RepositoryUnavailableError("too many concurrent changes to the same todo")

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC)


def _result(todo: Todo) -> TodoResult:
    return TodoResult.model_validate(todo)
