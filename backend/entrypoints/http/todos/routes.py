"""The routes of the caller's todos. The principal's `user_id` is the owner in every operation."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request, Response

from backend.domain.todo import Todo, TodoConflictError
from backend.domain.todo_list import TodoPage
from backend.domain.todo_repository import RepositoryUnavailableError, TodoRepository
from backend.entrypoints.http.auth.dependencies import CurrentPrincipal
from backend.entrypoints.http.auth.protected_route import ProtectedRoute
from backend.entrypoints.http.model_response import ModelResponse
from backend.entrypoints.http.openapi.headers import header_references
from backend.entrypoints.http.openapi.problems import documented_codes
from backend.entrypoints.http.problems.errors import InvalidParameterError
from backend.entrypoints.http.todos import etags, idempotency_keys
from backend.entrypoints.http.todos.cursors import Cursors, InvalidCursorError
from backend.entrypoints.http.todos.idempotency_keys import IdempotencyKey
from backend.entrypoints.http.todos.list_parameters import ListParameters, openapi_parameters
from backend.entrypoints.http.todos.page_size import PAGE_MAX_BYTES, shorten
from backend.entrypoints.http.todos.preconditions import (
    IfMatch,
    IfNoneMatch,
    names_version,
    require_match,
)
from backend.entrypoints.http.todos.representations import (
    NewTodo,
    TodoChanges,
    TodoPageResponse,
    TodoResponse,
)

READ_SCOPE: Final = "todos:read"
WRITE_SCOPE: Final = "todos:write"
SCOPES: Final = (READ_SCOPE, WRITE_SCOPE)

MAX_ATTEMPTS: Final = 8  # to save a change while other requests change the same todo
_RETRY_DELAY: Final = 0.005  # seconds

router = APIRouter(
    prefix="/api/todos",
    tags=["todos"],
    route_class=ProtectedRoute,
    responses=documented_codes("invalid_request", "database_unavailable"),
)

_BODY_PROBLEMS: Final = documented_codes("bad_request", "content_too_large")
_ETAG: Final = {"headers": header_references("ETag")}


@router.get(
    "",
    summary="List my todos",
    response_model=TodoPageResponse,
    responses=documented_codes("database_unavailable", "search_timeout"),
    openapi_extra={"parameters": openapi_parameters()},
)
async def list_todos(request: Request, principal: CurrentPrincipal) -> ModelResponse:
    """Return a page of your todos. By default, the newest come first."""
    params = ListParameters.from_request(request)
    cursors: Cursors = request.app.state.cursors
    query, user_id = params.to_query(), principal.user_id
    if params.cursor is not None:
        try:
            query = replace(query, after=await cursors.decode(params.cursor, user_id, query))
        except InvalidCursorError as error:
            raise InvalidParameterError("cursor", str(error)) from None
    page = await _todos(request).list(user_id, query)
    next_cursor = await cursors.encode(page.next, user_id, query) if page.next else None
    response = _page_response(page, next_cursor)
    if len(response.body) > PAGE_MAX_BYTES:
        page = shorten(page, query.sort)
        next_cursor = await cursors.encode(page.next, user_id, query) if page.next else None
        response = _page_response(page, next_cursor)
    return response


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    summary="Create a todo",
    response_model=TodoResponse,
    responses={
        201: {
            "headers": {
                **header_references("ETag", "Location"),
                **idempotency_keys.RESPONSE_HEADERS,
            }
        },
        **_BODY_PROBLEMS,
        **documented_codes("todo_limit_reached", "invalid_request", "idempotency_key_reused"),
    },
)
async def create_todo(
    request: Request,
    principal: CurrentPrincipal,
    body: NewTodo,
    idempotency_key: IdempotencyKey = None,
) -> ModelResponse:
    """Create a todo. With an `Idempotency-Key`, a repeated request creates it only once."""
    todo = Todo.create(now=_now(request), **dict(body))
    # Without the defaults, a request keeps its fingerprint when a later release adds a field.
    content = {name: getattr(todo, name) for name in body.model_dump(exclude_defaults=True)}
    idempotency = idempotency_keys.idempotency(request, idempotency_key, content)
    stored = await _todos(request).add(principal.user_id, todo, idempotency=idempotency)
    root_path = request.scope.get("root_path", "").rstrip("/")
    headers = {"Location": f"{root_path}{router.prefix}/{stored.id}"}
    if stored.id != todo.id:
        headers[idempotency_keys.REPLAYED] = "true"
    return _response(stored, HTTPStatus.CREATED, headers)


@router.get(
    "/{todo_id}",
    summary="Read one of my todos",
    response_model=TodoResponse,
    responses={
        200: _ETAG,
        304: {"description": "The todo still has this version.", **_ETAG},
        **documented_codes("todo_not_found"),
    },
)
async def read_todo(
    request: Request,
    principal: CurrentPrincipal,
    todo_id: UUID,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return one of your todos. Another user's todo is not found."""
    todo = await _todos(request).get(principal.user_id, todo_id)
    if etags.match(if_none_match, todo, weak=True):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": etags.of(todo)})
    return _response(todo)


@router.patch(
    "/{todo_id}",
    summary="Change one of my todos",
    response_model=TodoResponse,
    responses={
        200: _ETAG,
        **_BODY_PROBLEMS,
        **documented_codes("todo_not_found", "precondition_failed"),
    },
)
async def change_todo(
    request: Request,
    principal: CurrentPrincipal,
    todo_id: UUID,
    body: TodoChanges,
    if_match: IfMatch = None,
) -> ModelResponse:
    """Change the fields in the body. All other fields keep their values."""
    todos, changes = _todos(request), body.model_dump(exclude_unset=True)
    for attempt in range(MAX_ATTEMPTS):
        if attempt > 0:
            await asyncio.sleep(random.uniform(0, attempt * _RETRY_DELAY))  # noqa: S311 - jitter
        todo = await todos.get(principal.user_id, todo_id)
        require_match(if_match, todo)
        if not changes:
            return _response(todo)
        changed = todo.change(now=_now(request), **changes)
        try:
            await todos.save(principal.user_id, changed)
        except TodoConflictError:
            if names_version(if_match):
                raise
            # The caller accepts any version: apply the changes to the new version.
        else:
            return _response(changed)
    raise RepositoryUnavailableError("too many concurrent changes to the same todo")


@router.delete(
    "/{todo_id}",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Delete one of my todos",
    response_class=Response,  # no content, so no Content-Type
    responses=documented_codes("todo_not_found", "precondition_failed"),
)
async def delete_todo(
    request: Request, principal: CurrentPrincipal, todo_id: UUID, if_match: IfMatch = None
) -> None:
    """Delete one of your todos."""
    todos, version = _todos(request), None
    if names_version(if_match):
        todo = await todos.get(principal.user_id, todo_id)
        require_match(if_match, todo)
        version = todo.version
    await todos.remove(principal.user_id, todo_id, version=version)


def _todos(request: Request) -> TodoRepository:
    todos: TodoRepository = request.app.state.todos
    return todos


def _now(request: Request) -> datetime:
    return datetime.fromtimestamp(request.app.state.clock(), UTC)


def _page_response(page: TodoPage, next_cursor: str | None) -> ModelResponse:
    return ModelResponse(
        TodoPageResponse.model_validate({"items": page.items, "next_cursor": next_cursor})
    )


def _response(
    todo: Todo, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> ModelResponse:
    body = TodoResponse.model_validate(todo)
    return ModelResponse(body, status, {"ETag": etags.of(todo), **(headers or {})})
