"""An app with WebSockets: of a user, with a scope, optional, public, and on a router."""

from typing import Annotated

from fastapi import APIRouter, FastAPI, WebSocket, WebSocketDisconnect

from backend.domain.auth import Principal
from backend.entrypoints.http import CurrentPrincipal, OptionalPrincipal, protect, requires_roles

app = FastAPI()


@app.websocket("/echo")
async def echo(websocket: WebSocket, principal: CurrentPrincipal) -> None:
    await websocket.accept()
    try:
        async for text in websocket.iter_text():
            await websocket.send_text(f"{principal.user_id}: {text}")
    except WebSocketDisconnect:
        pass


router = APIRouter(prefix="/rooms")


@router.websocket("/{room}")
async def join(
    websocket: WebSocket, room: str, admin: Annotated[Principal, requires_roles("admin")]
) -> None:
    await websocket.accept()
    await websocket.send_text(f"{admin.user_id} in {room}")
    await websocket.close()


@app.websocket("/news")
async def read_news(websocket: WebSocket, reader: OptionalPrincipal) -> None:
    await websocket.accept()
    await websocket.send_text(reader.user_id if reader else "anonymous")
    await websocket.close()


@app.websocket("/time")
async def read_time(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("noon")
    await websocket.close()


app.include_router(router)
protect(app, public=["/time"])
