"""Todos in the memory of this process, for tests. The todos are lost when the process ends."""

import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from operator import gt, lt
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

from backend.adapters.persistence.listing import page
from backend.domain.diagnosis import PoolState
from backend.domain.idempotency import REMEMBERED_FOR, Idempotency
from backend.domain.revocation import (
    MAX_REVOCATIONS,
    Revocation,
    TooManyRevocationsError,
)
from backend.domain.search import search_key
from backend.domain.todo import (
    MAX_PER_USER,
    Todo,
    TodoConflictError,
    TodoLimitReachedError,
    TodoNotFoundError,
)
from backend.domain.todo_list import TodoPage, TodoPosition, TodoQuery


class InMemoryDatabase:
    """Implements `Database` without connections.

    Attributes:
        tables: The entries, by the name of the table and by the user. A new name makes an empty
            table.
    """

    name: Final = "memory"

    def __init__(self) -> None:
        self.tables: defaultdict[str, dict[str, dict[Any, Any]]] = defaultdict(dict)
        self._cursor_key = secrets.token_bytes(32)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        pass

    async def check(self) -> None:
        """Return: memory can always be read."""

    async def cursor_key(self) -> bytes:
        """Return the key that seals cursors; see `Database`."""
        return self._cursor_key

    def pools(self) -> Sequence[PoolState]:
        """Return no pool: there are no connections."""
        return ()


class InMemoryTodoRepository:
    """Implements `TodoRepository` with a dictionary for each owner.

    Args:
        database: The database; a new database by default.
        max_per_user: The maximum number of todos that a user has.
    """

    def __init__(
        self, database: InMemoryDatabase | None = None, /, *, max_per_user: int = MAX_PER_USER
    ) -> None:
        tables = (database or InMemoryDatabase()).tables
        self._max_per_user = max_per_user
        self._todos: dict[str, dict[UUID, Todo]] = tables["todos"]
        self._requests: dict[str, dict[str, tuple[bytes, Todo]]] = tables["idempotency_keys"]

    async def add(
        self, user_id: str, todo: Todo, /, *, idempotency: Idempotency | None = None
    ) -> Todo:
        """Add a new todo once; see `TodoRepository`."""
        if idempotency is not None and (first := self._find_repeated(user_id, todo, idempotency)):
            return first
        todos = self._todos.setdefault(user_id, {})
        if len(todos) >= self._max_per_user:
            raise TodoLimitReachedError(self._max_per_user)
        if todos.setdefault(todo.id, todo) is not todo:
            raise TodoConflictError(f"todo {todo.id} exists")
        if idempotency is not None:
            self._requests[user_id][idempotency.key] = idempotency.fingerprint, todo
        return todo

    async def get(self, user_id: str, todo_id: UUID, /) -> Todo:
        """Return a todo; see `TodoRepository`."""
        try:
            return self._todos[user_id][todo_id]
        except KeyError:
            raise TodoNotFoundError(f"no todo {todo_id}") from None

    async def list(self, user_id: str, query: TodoQuery, /) -> TodoPage:
        """Return a page of the owner's todos; see `TodoRepository`."""
        found = [
            (TodoPosition.of(todo, query.sort), todo)
            for todo in self._todos.get(user_id, {}).values()
            if _matches(todo, query)
        ]
        if query.after is not None:
            follows, start = lt if query.sort.descending else gt, _sort_key(query.after)
            found = [entry for entry in found if follows(_sort_key(entry[0]), start)]
        found.sort(key=lambda entry: _sort_key(entry[0]), reverse=query.sort.descending)
        return page([todo for _, todo in found[: query.limit + 1]], query)

    async def save(self, user_id: str, todo: Todo, /) -> None:
        """Save the next version of a todo; see `TodoRepository`."""
        if (await self.get(user_id, todo.id)).version != todo.version - 1:
            raise TodoConflictError(f"todo {todo.id} has changed")
        self._todos[user_id][todo.id] = todo

    async def remove(self, user_id: str, todo_id: UUID, /, *, version: int | None = None) -> None:
        """Remove a todo; see `TodoRepository`."""
        if version not in {None, (await self.get(user_id, todo_id)).version}:
            raise TodoConflictError(f"todo {todo_id} has changed")
        del self._todos[user_id][todo_id]

    def _find_repeated(self, user_id: str, todo: Todo, idempotency: Idempotency) -> Todo | None:
        """Return the todo of the first request with the same key; None without such a request."""
        requests, expired = self._requests.setdefault(user_id, {}), todo.created_at - REMEMBERED_FOR
        for key in list(islice(requests, 10)):  # the oldest
            if requests[key][1].created_at <= expired:
                del requests[key]
        if idempotency.key not in requests:
            return None
        fingerprint, first = requests[idempotency.key]
        if first.created_at <= expired:
            del requests[idempotency.key]
            return None
        idempotency.require(fingerprint)
        return first


class InMemoryUserData:
    """Implements `UserData`.

    Args:
        database: The database.
    """

    def __init__(self, database: InMemoryDatabase) -> None:
        self._tables = database.tables

    async def remove(self, user_id: str, /) -> Mapping[str, int]:
        """Delete everything that is stored for a user; see `UserData`."""
        return {name: len(table.pop(user_id, {})) for name, table in self._tables.items()}


class InMemoryRevocationStore:
    """Implements `RevocationStore` in the memory of a process."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], Revocation] = {}

    async def add(self, revocation: Revocation, /, *, now: float) -> None:
        """Add an entry; see `RevocationStore`."""
        live = {key: entry for key, entry in self._entries.items() if entry.expires_at > now}
        key = revocation.kind, revocation.value
        known = live.get(key)
        if known is not None:
            before = max(known.issued_before or 0, revocation.issued_before or 0) or None
            expires_at = max(known.expires_at, revocation.expires_at)
            revocation = replace(revocation, issued_before=before, expires_at=expires_at)
        elif len(live) >= MAX_REVOCATIONS:
            raise TooManyRevocationsError(f"there are {MAX_REVOCATIONS} revocations already")
        self._entries = {**live, key: revocation}

    async def list(self) -> Sequence[Revocation]:
        """Return all entries; see `RevocationStore`."""
        return tuple(self._entries.values())


def _matches(todo: Todo, query: TodoQuery) -> bool:
    return (
        query.completed in {None, todo.completed}
        and query.priority in {None, todo.priority}
        and (
            query.due_before is None or (todo.due_at is not None and todo.due_at < query.due_before)
        )
        and (query.q is None or search_key(query.q) in todo.search_text)
    )


def _sort_key(position: TodoPosition) -> tuple[object, UUID]:
    return position.key, position.id
