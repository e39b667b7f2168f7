"""A repository that fails, for example because its database is down."""

from typing import NoReturn

from backend.adapters.persistence.memory import InMemoryTodoRepository
from backend.domain.todo_list import TodoQuery


class BrokenTodos(InMemoryTodoRepository):
    """Raises an error when todos are listed."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    async def list(self, user_id: str, query: TodoQuery, /) -> NoReturn:
        raise self._error
