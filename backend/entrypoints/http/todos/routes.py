"""The caller's todos: every operation names the principal as their owner."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response

from backend.domain.todo import InvalidTodoError, Todo, TodoConflictError
from backend.domain.todo_list import TodoQuery
from backend.domain.todo_repository import RepositoryUnavailableError, TodoRepository
from backend.entrypoints.http.auth.guards import CurrentPrincipal, ProtectedRoute
from backend.entrypoints.http.model_response import ModelResponse
from backend.entrypoints.http.problems.problem_details import documented
from backend.entrypoints.http.todos import etags, idempotency_keys
from backend.entrypoints.http.todos.cursors import Cursors, InvalidCursorError
from backend.entrypoints.http.todos.idempotency_keys import IdempotencyKey
from backend.entrypoints.http.todos.representations import (
    ListParameters,
    NewTodo,
    TodoChanges,
    TodoPageResponse,
    TodoResponse,
    list_parameters,
)

ATTEMPTS: Final = 8

router = APIRouter(
    prefix="/api/todos",
    tags=["todos"],
    route_class=ProtectedRoute,
    responses=documented(401, 422, 503),
)


IfMatch = Annotated[
    list[str] | None, Header(description="The `ETag` that the change is meant for; else 412.")
]
IfNoneMatch = Annotated[
    list[str] | None, Header(description="An `ETag` that is known already: then 304.")
]


@router.get(
    "",
    summary="List my todos",
    response_model=TodoPageResponse,
    openapi_extra={"parameters": list_parameters()},
)
async def list_todos(request: Request, principal: CurrentPrincipal) -> ModelResponse:
    """Return one page of the caller's todos, newest first unless `sort` says otherwise."""
    said = ListParameters.of(request)
    cursors: Cursors = request.app.state.cursors
    query, user_id = _query(said), principal.user_id
    if said.cursor is not None:
        try:
            query = replace(query, after=await cursors.open(said.cursor, user_id, query))
        except InvalidCursorError as error:
            raise InvalidTodoError("cursor", str(error)) from None
    page = await _todos(request).list(user_id, query)
    cursor = await cursors.seal(page.next, user_id, query) if page.next else None
    return ModelResponse(
        TodoPageResponse.model_validate({"items": page.items, "next_cursor": cursor})
    )


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    summary="Create a todo",
    response_model=TodoResponse,
    responses={201: {"headers": idempotency_keys.DOCUMENTED}, **documented(400, 403, 413)},
)
async def create_todo(
    request: Request,
    principal: CurrentPrincipal,
    said: NewTodo,
    key: IdempotencyKey = None,
) -> ModelResponse:
    """Create a todo of the caller's; only once for every `Idempotency-Key`."""
    todo = Todo.create(now=_now(request), **dict(said))
    # What is left to its default is left out: a later release may have more of it.
    content = {name: getattr(todo, name) for name in said.model_dump(exclude_defaults=True)}
    idempotency = idempotency_keys.idempotency(request, key, content)
    kept = await _todos(request).add(principal.user_id, todo, idempotency=idempotency)
    headers = {"Location": f"{router.prefix}/{kept.id}"}
    if kept.id != todo.id:
        headers[idempotency_keys.REPLAYED] = "true"
    return _answer(kept, HTTPStatus.CREATED, headers)


@router.get(
    "/{todo_id}",
    summary="Read one of my todos",
    response_model=TodoResponse,
    responses={304: {"description": "The todo is the one that is known."}, **documented(404)},
)
async def read_todo(
    request: Request,
    principal: CurrentPrincipal,
    todo_id: UUID,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return one of the caller's todos; another user's is not found."""
    todo = await _todos(request).get(principal.user_id, todo_id)
    if etags.match(if_none_match, todo, weak=True):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": etags.of(todo)})
    return _answer(todo)


@router.patch(
    "/{todo_id}",
    summary="Change one of my todos",
    response_model=TodoResponse,
    responses=documented(400, 403, 404, 412, 413),
)
async def change_todo(
    request: Request,
    principal: CurrentPrincipal,
    todo_id: UUID,
    said: TodoChanges,
    if_match: IfMatch = None,
) -> ModelResponse:
    """Change what is named and leave the rest."""
    todos, changes = _todos(request), said.model_dump(exclude_unset=True)
    attempt = 0
    while True:
        attempt += 1
        todo = await todos.get(principal.user_id, todo_id)
        if if_match is not None and not etags.match(if_match, todo):
            raise TodoConflictError("If-Match names another version")
        if not changes:
            return _answer(todo)
        changed = todo.change(now=_now(request), **changes)
        try:
            await todos.save(principal.user_id, changed)
        except TodoConflictError:
            if if_match is not None and not etags.is_any(if_match):
                raise
            # Otherwise the caller means the named fields only: try them on the new version.
            if attempt == ATTEMPTS:
                raise RepositoryUnavailableError("too many changes at once") from None
            await asyncio.sleep(random.uniform(0, 0.005 * attempt))  # noqa: S311 - spreads load
        else:
            return _answer(changed)


@router.delete(
    "/{todo_id}",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Delete one of my todos",
    response_class=Response,  # which has no content, and so no type
    responses=documented(403, 404, 412),
)
async def delete_todo(
    request: Request, principal: CurrentPrincipal, todo_id: UUID, if_match: IfMatch = None
) -> None:
    """Delete one of the caller's todos."""
    todos, version = _todos(request), None
    if if_match is not None and not etags.is_any(if_match):
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


def _answer(
    todo: Todo, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> ModelResponse:
    said = TodoResponse.model_validate(todo)
    return ModelResponse(said, status, {"ETag": etags.of(todo), **(headers or {})})


def _query(said: ListParameters) -> TodoQuery:
    return TodoQuery(**said.model_dump(exclude={"cursor"}))
