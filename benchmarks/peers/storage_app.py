"""Our application, and beside `/api/todos` the same two routes written the usual way.

The usual way: SQLAlchemy's ORM on the same driver, an `AsyncSession` for every request from a
`yield` dependency, models straight into the response. Authentication, telemetry and the answers'
fields are ours in both, so that storage is all that differs.
"""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI
from pydantic import BaseModel, Field
from sqlalchemy import DateTime, Index, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from backend.container import Container
from backend.domain.todo import uuid7
from backend.entrypoints.http.app import create_app as create_our_app
from backend.entrypoints.http.authentication import CurrentPrincipal, ProtectedRoute
from backend.entrypoints.logs import configure_logging

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


@router.get(PATH)
async def list_todos(
    session: Session, principal: CurrentPrincipal, limit: int = 20
) -> list[TodoOut]:
    statement = (
        select(TodoRow)
        .where(TodoRow.user_id == principal.user_id)
        .order_by(TodoRow.created_at.desc(), TodoRow.id.desc())
        .limit(limit)
    )
    return list(await session.scalars(statement))  # type: ignore[arg-type]


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
