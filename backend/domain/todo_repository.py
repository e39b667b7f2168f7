"""The port that keeps todos: every call names the owner."""

from typing import Protocol
from uuid import UUID

from backend.domain.idempotency import Idempotency
from backend.domain.todo import Todo
from backend.domain.todo_list import TodoPage, TodoQuery


class TodoRepository(Protocol):
    """Keeps todos. Every call is one transaction, committed when it returns.

    No call can reach another owner's todo: it looks like one that does not exist. Every call may
    raise `RepositoryUnavailableError`, and then has changed nothing or all that it was to.
    """

    async def add(
        self, user_id: str, todo: Todo, /, *, idempotency: Idempotency | None = None
    ) -> Todo:
        """Keep a new todo, unless the very same request has been made before.

        Args:
            user_id: The owner.
            todo: The todo; the time is that of its creation.
            idempotency: Names the request among the owner's. For `REMEMBERED_FOR` it is then
                known, whatever becomes of the todo.

        Returns:
            The todo; the one that the request created when it was first made, as it then was.

        Raises:
            TodoConflictError: The owner already has a todo with this id.
            IdempotencyKeyReusedError: The owner used the key to ask for something else.
        """
        ...

    async def get(self, user_id: str, todo_id: UUID, /) -> Todo:
        """Return one todo.

        Raises:
            TodoNotFoundError: The owner has no such todo.
        """
        ...

    async def list(self, user_id: str, query: TodoQuery, /) -> TodoPage:
        """Return one page of the owner's todos."""
        ...

    async def save(self, user_id: str, todo: Todo, /) -> None:
        """Keep the next version of a todo.

        Raises:
            TodoNotFoundError: The owner has no such todo.
            TodoConflictError: The version kept is not the one before this one.
        """
        ...

    async def remove(self, user_id: str, todo_id: UUID, /, *, version: int | None = None) -> None:
        """Forget a todo.

        Args:
            user_id: The owner.
            todo_id: Which todo.
            version: Only if this is still its version.

        Raises:
            TodoNotFoundError: The owner has no such todo.
            TodoConflictError: The version kept is another one.
        """
        ...


class RepositoryUnavailableError(Exception):
    """The todos cannot be reached now, through no fault of the caller.

    Attributes:
        retry_after: Seconds after which trying again makes sense.
    """

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after
