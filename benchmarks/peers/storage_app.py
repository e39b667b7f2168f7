"""This project's application, plus two routes for todos that use the SQLAlchemy ORM.

The ORM routes are written as most tutorials show: an `AsyncSession` for every request from a
`yield` dependency, filters added as requested, a query model, and pydantic models made from rows.
The routes share authentication, telemetry, parameters and response fields with this project.
"""

import base64
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Query
from pydantic import BaseModel, Field
from sqlalchemy import DateTime, Index, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from backend.container import Container
from backend.domain.todo import uuid7
from backend.entrypoints.http import CurrentPrincipal, ProtectedRoute
from backend.entrypoints.http.app import create_app as create_our_app
from backend.entrypoints.http.todos.list_parameters import ListParameters
from backend.entrypoints.server.logs import configure_logging

PATH = "/api/orm-todos"

router = APIRouter(route_class=ProtectedRoute)


class Base(DeclarativeBase):
    type_annotation_map = {datetime: DateTime(timezone=True)}  # noqa: RUF012 - SQLAlchemy's convention


class TodoRow(Base):
    __tablename__ = "orm_todos"
    __table_args__ = (Index("orm_todos_by_created_at", "user_id", "created_at", "id"),)

    user_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    title: Mapped[str]
    description: Mapped[str | None]
    completed: Mapped[bool]
    priority: Mapped[str]
    due_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class TodoIn(BaseModel):
    title: str = Field(min_length=1, max_length=200)
    description: str | None = None
    completed: bool = False
    priority: str = "normal"
    due_at: datetime | None = None


class TodoOut(TodoIn, from_attributes=True):
    id: UUID
    created_at: datetime
    updated_at: datetime


def async_url(url: str) -> str:
    driver = "sqlite+aiosqlite:" if url.startswith("sqlite:") else "postgresql+asyncpg:"
    return driver + url.partition(":")[2]


_engine = create_async_engine(
    async_url(os.environ.get("DATABASE_URL", "sqlite:///todos.db")), pool_size=10, max_overflow=0
)
_sessions = async_sessionmaker(_engine, expire_on_commit=False)


async def get_session() -> AsyncIterator[AsyncSession]:
    async with _sessions() as session:
        yield session


Session = Annotated[AsyncSession, Depends(get_session)]


class Page(BaseModel):
    items: list[TodoOut]
    next_cursor: str | None


@router.get(PATH)
async def list_todos(
    session: Session, principal: CurrentPrincipal, params: Annotated[ListParameters, Query()]
) -> Page:
    statement = select(TodoRow).where(TodoRow.user_id == principal.user_id)
    if params.completed is not None:
        statement = statement.where(TodoRow.completed == params.completed)
    if params.priority is not None:
        statement = statement.where(TodoRow.priority == params.priority)
    if params.due_before is not None:
        statement = statement.where(TodoRow.due_at < params.due_before)
    if params.q is not None:
        statement = statement.where(TodoRow.title.icontains(params.q, autoescape=True))
    if params.cursor is not None:
        created_at, todo_id = base64.urlsafe_b64decode(params.cursor).decode().split()
        position = (datetime.fromisoformat(created_at), UUID(todo_id))
        statement = statement.where(tuple_(TodoRow.created_at, TodoRow.id) < position)
    statement = statement.order_by(TodoRow.created_at.desc(), TodoRow.id.desc())
    rows = list(await session.scalars(statement.limit(params.limit + 1)))
    items, cursor = rows[: params.limit], None
    if len(rows) > params.limit:
        last = items[-1]
        cursor = f"{last.created_at.isoformat()} {last.id}".encode()
    return Page(
        items=[TodoOut.model_validate(row) for row in items],
        next_cursor=cursor and base64.urlsafe_b64encode(cursor).decode(),
    )


@router.post(PATH, status_code=201)
async def create_todo(session: Session, principal: CurrentPrincipal, body: TodoIn) -> TodoOut:
    now = datetime.now(UTC)
    row = TodoRow(
        user_id=principal.user_id,
        id=uuid7(now),
        created_at=now,
        updated_at=now,
        **body.model_dump(),
    )
    session.add(row)
    await session.commit()
    return row  # type: ignore[return-value]  # FastAPI converts the row


def create_app() -> FastAPI:
    container = Container()
    configure_logging(container.settings())
    app = create_our_app(container)
    app.include_router(router)
    return app
