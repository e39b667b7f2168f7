"""Open lists of todos on a plain asyncpg pool: a FastAPI route and a Starlette route.

The FastAPI route is written as its documentation shows, with a response model and parameters that
are declared. The Starlette route does the least that returns the same fields. Neither has
authentication, filters or signed cursors, and their database has no row-level security.
"""

import base64
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import asyncpg
from fastapi import FastAPI, Query
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PATH: Final = "/todos"
POOL_SIZE: Final = 10  # the default of this project

_LIST: Final = """
SELECT id, title, description, completed, priority, due_at, created_at, updated_at
FROM todos
WHERE user_id = $1
ORDER BY created_at DESC, id DESC
LIMIT $2
"""
_PRIORITIES: Final = ("low", "normal", "high")


class Todo(BaseModel):
    id: UUID
    title: str
    description: str | None
    completed: bool
    priority: Literal["low", "normal", "high"]
    due_at: datetime | None
    created_at: datetime
    updated_at: datetime


class Page(BaseModel):
    items: list[Todo]
    next_cursor: str | None


@asynccontextmanager
async def _pool(app: Any) -> AsyncIterator[None]:
    url = os.environ["DATABASE_URL"]
    async with asyncpg.create_pool(url, min_size=POOL_SIZE, max_size=POOL_SIZE) as pool:
        app.state.pool = pool
        yield


def _next_cursor(rows: Sequence[asyncpg.Record], limit: int) -> str | None:
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    position = f"{last['created_at'].isoformat()} {last['id']}"
    return base64.urlsafe_b64encode(position.encode()).decode()


def fastapi_app() -> FastAPI:
    app = FastAPI(lifespan=_pool)

    @app.get(PATH, response_model=Page)
    async def list_todos(
        user_id: str, limit: Annotated[int, Query(ge=1, le=100)] = 20
    ) -> dict[str, Any]:
        rows = await app.state.pool.fetch(_LIST, user_id, limit + 1)
        items = [{**row, "priority": _PRIORITIES[row["priority"]]} for row in rows[:limit]]
        return {"items": items, "next_cursor": _next_cursor(rows, limit)}

    return app


async def _list_todos(request: Request) -> Response:
    user_id, limit = request.query_params["user_id"], 20
    rows = await request.app.state.pool.fetch(_LIST, user_id, limit + 1)
    items = [{**row, "priority": _PRIORITIES[row["priority"]]} for row in rows[:limit]]
    page = {"items": items, "next_cursor": _next_cursor(rows, limit)}
    return Response(json.dumps(page, default=_to_text), media_type="application/json")


def _to_text(value: UUID | datetime) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def starlette_app() -> Starlette:
    return Starlette(routes=[Route(PATH, _list_todos)], lifespan=_pool)
