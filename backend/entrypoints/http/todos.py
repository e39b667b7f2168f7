"""The caller's todos: every operation names the principal as their owner."""

import re
from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
)

from backend.domain.todo import (
    DESCRIPTION_MAX_LENGTH,
    PAGE_MAX_LENGTH,
    TITLE_MAX_LENGTH,
    InvalidTodoError,
    Priority,
    Todo,
    TodoConflictError,
    TodoQuery,
    TodoRepository,
    TodoRepositoryUnavailableError,
    TodoSort,
)
from backend.entrypoints.http import cursors, etags
from backend.entrypoints.http.authentication import CurrentPrincipal, ProtectedRoute
from backend.entrypoints.http.problems import documented

ATTEMPTS: Final = 5

_RFC3339: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})"
)

router = APIRouter(
    prefix="/api/todos",
    tags=["todos"],
    route_class=ProtectedRoute,
    responses=documented(401, 403, 422, 503),
)


def _rfc3339(value: object) -> object:
    """Keep pydantic from taking numbers, and strings of digits, for seconds since the epoch."""
    if not isinstance(value, str) or _RFC3339.fullmatch(value) is None:
        raise ValueError("must be a time with its UTC offset, as in 2026-01-31T12:00:00Z")
    return value


Title = Annotated[str, Field(min_length=1, max_length=TITLE_MAX_LENGTH, examples=["Buy milk"])]
Description = Annotated[str | None, Field(max_length=DESCRIPTION_MAX_LENGTH)]
Time = Annotated[AwareDatetime, BeforeValidator(_rfc3339)]


class NewTodo(BaseModel):
    """What a caller may say of a new todo."""

    model_config = ConfigDict(extra="forbid")

    title: Title
    description: Description = None
    completed: StrictBool = False
    priority: Priority = Priority.NORMAL
    due_at: Time | None = None


class TodoChanges(BaseModel):
    """What a caller may change: what is left out stays, what is null is cleared."""

    model_config = ConfigDict(extra="forbid")

    # The factories are never seen: only what was sent is used. They keep null out of the types.
    title: Title = Field(default_factory=str)
    description: Description = None
    completed: StrictBool = Field(default_factory=bool)
    priority: Priority = Field(default_factory=lambda: Priority.NORMAL)
    due_at: Time | None = None


class TodoResponse(BaseModel):
    """A todo."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    title: str
    description: str | None
    completed: bool
    priority: Priority
    due_at: datetime | None
    created_at: datetime
    updated_at: datetime


class TodoPageResponse(BaseModel):
    """One page of todos."""

    model_config = ConfigDict(from_attributes=True)

    items: list[TodoResponse]
    next_cursor: str | None = Field(description="Hand it back as `cursor`; null on the last page.")


class ListParameters(BaseModel):
    """Which todos to list."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=20, ge=1, le=PAGE_MAX_LENGTH)
    cursor: str | None = Field(default=None, max_length=4096, description="`next_cursor` of a page")
    sort: TodoSort = TodoSort.CREATED_AT_DESC
    completed: bool | None = None
    priority: Priority | None = None
    due_before: Time | None = None
    q: str | None = Field(default=None, min_length=1, max_length=TITLE_MAX_LENGTH)


IfMatch = Annotated[
    list[str] | None, Header(description="The `ETag` that the change is meant for; else 412.")
]
IfNoneMatch = Annotated[
    list[str] | None, Header(description="An `ETag` that is known already: then 304.")
]


@router.get("", summary="List my todos")
async def list_todos(
    request: Request, principal: CurrentPrincipal, said: Annotated[ListParameters, Query()]
) -> TodoPageResponse:
    """Return one page of the caller's todos, newest first unless `sort` says otherwise."""
    page = await _todos(request).list(principal.user_id, _query(said))
    return TodoPageResponse(
        items=[TodoResponse.model_validate(todo) for todo in page.items],
        next_cursor=cursors.encode(page.next, said.sort) if page.next else None,
    )


@router.post("", status_code=201, summary="Create a todo")
async def create_todo(
    request: Request, response: Response, principal: CurrentPrincipal, said: NewTodo
) -> TodoResponse:
    """Create a todo of the caller's."""
    todo = Todo.create(now=_now(request), **dict(said))
    await _todos(request).add(principal.user_id, todo)
    response.headers["Location"] = f"{router.prefix}/{todo.id}"
    return _answer(response, todo)


@router.get(
    "/{todo_id}",
    summary="Read one of my todos",
    response_model=TodoResponse,
    responses=documented(404),
)
async def read_todo(
    request: Request,
    response: Response,
    principal: CurrentPrincipal,
    todo_id: UUID,
    if_none_match: IfNoneMatch = None,
) -> TodoResponse | Response:
    """Return one of the caller's todos; another user's is not found."""
    todo = await _todos(request).get(principal.user_id, todo_id)
    if etags.match(if_none_match, todo, weak=True):
        return Response(status_code=304, headers={"ETag": etags.of(todo)})
    return _answer(response, todo)


@router.patch("/{todo_id}", summary="Change one of my todos", responses=documented(404, 412))
async def change_todo(
    request: Request,
    response: Response,
    principal: CurrentPrincipal,
    todo_id: UUID,
    said: TodoChanges,
    if_match: IfMatch = None,
) -> TodoResponse:
    """Change what is named and leave the rest."""
    todos, changes = _todos(request), said.model_dump(exclude_unset=True)
    attempt = 0
    while True:
        attempt += 1
        todo = await todos.get(principal.user_id, todo_id)
        if if_match is not None and not etags.match(if_match, todo):
            raise TodoConflictError("If-Match names another version")
        changed = todo.change(now=_now(request), **changes)
        try:
            await todos.save(principal.user_id, changed)
        except TodoConflictError:
            if if_match is not None:
                raise
            # Without it the caller means the named fields only: try them on the new version.
            if attempt == ATTEMPTS:
                raise TodoRepositoryUnavailableError("too many changes at once") from None
        else:
            return _answer(response, changed)


@router.delete(
    "/{todo_id}", status_code=204, summary="Delete one of my todos", responses=documented(404, 412)
)
async def delete_todo(
    request: Request, principal: CurrentPrincipal, todo_id: UUID, if_match: IfMatch = None
) -> None:
    """Delete one of the caller's todos."""
    todos, version = _todos(request), None
    if if_match is not None:
        todo = await todos.get(principal.user_id, todo_id)
        if not etags.match(if_match, todo):
            raise TodoConflictError("If-Match names another version")
        version = todo.version
    await todos.remove(principal.user_id, todo_id, version=version)


def _todos(request: Request) -> TodoRepository:
    todos: TodoRepository = request.app.state.todos
    return todos


def _now(request: Request) -> datetime:
    return datetime.fromtimestamp(request.app.state.clock(), UTC)


def _answer(response: Response, todo: Todo) -> TodoResponse:
    response.headers["ETag"] = etags.of(todo)
    return TodoResponse.model_validate(todo)


def _query(said: ListParameters) -> TodoQuery:
    after = None
    if said.cursor is not None:
        try:
            after = cursors.decode(said.cursor, said.sort)
        except cursors.InvalidCursorError as error:
            raise InvalidTodoError("cursor", str(error)) from None
    return TodoQuery(
        limit=said.limit,
        sort=said.sort,
        after=after,
        completed=said.completed,
        priority=said.priority,
        due_before=said.due_before,
        q=said.q,
    )
