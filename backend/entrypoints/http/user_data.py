"""The data of the caller: `DELETE /api/me` removes everything, `GET /api/me/export` returns it.

The export is in JSON Lines, and reads the todos page by page. So neither this process nor the
database keeps more than a page for a slow reader, and no connection of the pool waits for a reader.

The pages are not a single snapshot, but they are in the order of creation, which never changes. So
the export has every todo exactly once that exists from the start to the end of the export.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from starlette.types import Send

from backend.domain.todo import Todo
from backend.domain.todo_list import TodoPage, TodoQuery, TodoSort
from backend.domain.todo_repository import RepositoryUnavailableError, TodoRepository
from backend.domain.user_data import UserData
from backend.entrypoints.http.auth.dependencies import CurrentPrincipal
from backend.entrypoints.http.auth.protected_route import ProtectedRoute
from backend.entrypoints.http.openapi.headers import header_references
from backend.entrypoints.http.openapi.problems import documented_codes
from backend.entrypoints.http.problems.outages import Outage
from backend.entrypoints.http.request_ids import request_id
from backend.entrypoints.http.todos.representations import TodoResponse

# OpenAPI's registry of media types and FastAPI use this name, which IANA has not registered.
MEDIA_TYPE: Final = "application/jsonl"

# A page of the longest todos has about 1 MiB.
_FIRST_PAGE: Final = TodoQuery(limit=25, sort=TodoSort.CREATED_AT)
_DISPOSITION: Final = 'attachment; filename="export.jsonl"'

_EXPORT: Final[dict[str, Any]] = {
    "description": "JSON Lines. Only an export whose last line is `end` is complete.",
    "headers": header_references("Content-Disposition"),
    "content": {
        MEDIA_TYPE: {
            "schema": {"type": "string"},
            "example": '{"export":{"user_id":"ada","exported_at":"2027-01-31T09:00:00Z"}}\n'
            '{"todo":{"id":"0198a3f2-7c1e-7a10-9c3b-2f6d5e4a1b00","title":"Buy milk",'
            '"description":null,"completed":false,"priority":"normal","due_at":null,'
            '"created_at":"2027-01-30T09:00:00Z","updated_at":"2027-01-30T09:00:00Z",'
            '"version":1}}\n'
            '{"end":{"todos":1}}\n',
        }
    },
}


class ExportStart(BaseModel):
    """The first line of an export."""

    user_id: str
    exported_at: datetime


class ExportedTodo(TodoResponse):
    """A todo, with its version. Other routes show the version as the `ETag`."""

    version: int


class ExportEnd(BaseModel):
    """The last line of an export."""

    todos: int = Field(description="How many todos the export has.")


router = APIRouter(
    prefix="/api/me",
    tags=["me"],
    route_class=ProtectedRoute,
    responses=documented_codes("database_unavailable"),
)


@router.delete(
    "",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Delete all my data",
    response_class=Response,  # no content, so no Content-Type
)
async def delete_my_data(request: Request, principal: CurrentPrincipal) -> None:
    """Delete everything that this API stores for you. Your account at the issuer stays."""
    user_data: UserData = request.app.state.user_data
    await user_data.remove(principal.user_id)


@router.head("/export", include_in_schema=False)  # else a HEAD request would read every page
@router.get(
    "/export",
    summary="Export all my data",
    response_class=StreamingResponse,
    responses={200: _EXPORT},
)
async def export_my_data(request: Request, principal: CurrentPrincipal) -> StreamingResponse:
    """Return everything that this API stores for you. The oldest todo comes first."""
    todos: TodoRepository = request.app.state.todos
    now = datetime.fromtimestamp(request.app.state.clock(), UTC)
    # The first page is read before the response starts, so that an outage is a 503.
    first_page = await todos.list(principal.user_id, _FIRST_PAGE)
    if request.method == "HEAD":
        first_page = TodoPage(items=())
    return _ExportResponse(
        _lines(todos, principal.user_id, first_page, now),
        media_type=MEDIA_TYPE,
        headers={"Content-Disposition": _DISPOSITION},
        request=request,
    )


class _ExportResponse(StreamingResponse):
    """A response that stays incomplete if the database becomes unavailable meanwhile.

    Then the server closes the connection, so that the client notices.
    """

    def __init__(self, *args: Any, request: Request, **options: Any) -> None:
        super().__init__(*args, **options)
        self._request = request

    async def stream_response(self, send: Send) -> None:
        try:
            await super().stream_response(send)
        except RepositoryUnavailableError as error:
            database: Outage = self._request.app.state.outages.database
            database.record(error, request_id=request_id(self._request.scope))


async def _lines(
    todos: TodoRepository, user_id: str, page: TodoPage, now: datetime
) -> AsyncIterator[bytes]:
    """Yield the lines of an export, page by page."""
    yield _line("export", ExportStart(user_id=user_id, exported_at=now))
    count = 0
    while True:
        count += len(page.items)
        yield b"".join(map(_todo_line, page.items))
        if page.next is None:
            break
        page = await todos.list(user_id, replace(_FIRST_PAGE, after=page.next))
    yield _line("end", ExportEnd(todos=count))


def _todo_line(todo: Todo) -> bytes:
    return _line("todo", ExportedTodo.model_validate(todo))


def _line(name: str, content: BaseModel) -> bytes:
    return b'{"%b":%b}\n' % (name.encode(), content.__pydantic_serializer__.to_json(content))
