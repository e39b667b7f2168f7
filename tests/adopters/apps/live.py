"""An app with a WebSocket, for programs and for browsers."""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from backend.entrypoints.http import CurrentPrincipal, protect

app = FastAPI()
protect(app)


@app.websocket("/notes/live")
async def follow_notes(websocket: WebSocket, principal: CurrentPrincipal) -> None:
    await websocket.accept()
    try:
        while True:
            text = await websocket.receive_text()
            await websocket.send_text(f"{principal.user_id}: {text}")
    except WebSocketDisconnect as disconnect:
        print("closed with", disconnect.code, flush=True)  # noqa: T201 - the test reads the output
