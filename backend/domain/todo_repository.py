"""The port for storing todos. Every method takes the owner's user id first."""

from typing import Protocol
from uuid import UUID

from backend.domain.idempotency import Idempotency
from backend.domain.todo import Todo
from backend.domain.todo_list import TodoPage, TodoQuery


class TodoRepository(Protocol):
    """Stores todos. Every call is a single transaction, committed when the call returns.

    A call never finds another owner's todo. Every call may raise `RepositoryUnavailableError`. Then
    the transaction was committed either completely or not at all.
    """

    async def add(
        self, user_id: str, todo: Todo, /, *, idempotency: Idempotency | None = None
    ) -> Todo:
        """Store a new todo, unless the same request has already created a todo.

        Args:
            user_id: The owner.
            todo: The todo. Its `created_at` counts as the current time.
            idempotency: Identifies the request among the owner's requests. The request is
                remembered for `REMEMBERED_FOR`, even if the todo is changed or removed.

        Returns:
            The todo. For a repeated request: the todo that the first request created, as it was
            at that time.

        Raises:
            TodoConflictError: The owner already has a todo with this id.
            TodoLimitReachedError: The owner already has as many todos as a user may have. A
                repeated request is never refused.
            IdempotencyKeyReusedError: The owner used the key for a different request.
        """
        ...

    async def get(self, user_id: str, todo_id: UUID, /) -> Todo:
        """Return a todo.

        Raises:
            TodoNotFoundError: The owner has no such todo.
        """
        ...

    async def list(self, user_id: str, query: TodoQuery, /) -> TodoPage:
        """Return a page of the owner's todos.

        Raises:
            SearchTimeoutError: A search with `query.q` did not end in time.
        """
        ...

    async def save(self, user_id: str, todo: Todo, /) -> None:
        """Store the next version of a todo.

        Raises:
            TodoNotFoundError: The owner has no such todo.
            TodoConflictError: The stored version is not `todo.version - 1`.
        """
        ...

    async def remove(self, user_id: str, todo_id: UUID, /, *, version: int | None = None) -> None:
        """Delete a todo.

        Args:
            user_id: The owner.
            todo_id: The id of the todo.
            version: Delete only this version; None deletes any version.

        Raises:
            TodoNotFoundError: The owner has no such todo.
            TodoConflictError: The stored todo has another version.
        """
        ...


class RepositoryUnavailableError(Exception):
    """The todos cannot be read or written now. The caller is not at fault and may try again.

    Attributes:
        retry_after: Seconds to wait before the next attempt.
    """

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SearchTimeoutError(RepositoryUnavailableError):
    """A search took too long, or waited too long behind other searches of the same user."""
