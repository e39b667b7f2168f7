"""Our application, and beside `/api/todos` the same two routes written the usual way.

The usual way: SQLAlchemy's ORM on the same driver, an `AsyncSession` for every request from a
`yield` dependency, filters put together as they are asked for, a query model, models of pydantic
made of rows. Authentication, telemetry, parameters and the answers' fields are ours in both.
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
from backend.entrypoints.http.app import create_app as create_our_app
from backend.entrypoints.http.auth.guards import CurrentPrincipal, ProtectedRoute
from backend.entrypoints.http.todos.list_parameters import ListParameters
from backend.entrypoints.server.logs import configure_logging

PATH = "/api/usual-todos"

router = APIRouter(route_class=ProtectedRoute)


class Base(DeclarativeBase):
    type_annotation_map = {datetime: DateTime(timezone=True)}  # noqa: RUF012 - SQLAlchemy's way


class TodoRow(Base):
    __tablename__ = "usual_todos"
    __table_args__ = (Index("usual_todos_by_created_at", "user_id", "created_at", "id"),)

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
    session: Session, principal: CurrentPrincipal, said: Annotated[ListParameters, Query()]
) -> Page:
    statement = select(TodoRow).where(TodoRow.user_id == principal.user_id)
    if said.completed is not None:
        statement = statement.where(TodoRow.completed == said.completed)
    if said.priority is not None:
        statement = statement.where(TodoRow.priority == said.priority)
    if said.due_before is not None:
        statement = statement.where(TodoRow.due_at < said.due_before)
    if said.q is not None:
        statement = statement.where(TodoRow.title.icontains(said.q, autoescape=True))
    if said.cursor is not None:
        created_at, todo_id = base64.urlsafe_b64decode(said.cursor).decode().split()
        position = (datetime.fromisoformat(created_at), UUID(todo_id))
        statement = statement.where(tuple_(TodoRow.created_at, TodoRow.id) < position)
    statement = statement.order_by(TodoRow.created_at.desc(), TodoRow.id.desc())
    rows = list(await session.scalars(statement.limit(said.limit + 1)))
    items, cursor = rows[: said.limit], None
    if len(rows) > said.limit:
        last = items[-1]
        cursor = f"{last.created_at.isoformat()} {last.id}".encode()
    return Page(
        items=[TodoOut.model_validate(row) for row in items],
        next_cursor=cursor and base64.urlsafe_b64encode(cursor).decode(),
    )


@router.post(PATH, status_code=201)
async def create_todo(session: Session, principal: CurrentPrincipal, said: TodoIn) -> TodoOut:
    now = datetime.now(UTC)
    row = TodoRow(
        user_id=principal.user_id,
        id=uuid7(now),
        created_at=now,
        updated_at=now,
        **said.model_dump(),
    )
    session.add(row)
    await session.commit()
    return row  # type: ignore[return-value]


def create_app() -> FastAPI:
    container = Container()
    configure_logging(container.settings())
    app = create_our_app(container)
    app.include_router(router)
    return app
