"""Responses to WebSocket handshakes (the ASGI extension `websocket.http.response`)."""

from typing import Final

from starlette.types import Message, Scope, Send

EXTENSION: Final = "websocket.http.response"


def with_denials(scope: Scope, send: Send) -> Send:
    """Return a send that takes responses to a handshake, whether or not the server takes them.

    A server without the extension can only close the handshake: the client gets 403 without a body.

    Args:
        scope: The scope of a WebSocket. For a request, the result is `send`.
        send: The ASGI send of the server.
    """
    if scope["type"] != "websocket" or EXTENSION in (scope.get("extensions") or {}):
        return send

    async def send_or_close(message: Message) -> None:
        kind = message["type"]
        if kind == f"{EXTENSION}.start":
            await send({"type": "websocket.close"})
        elif kind != f"{EXTENSION}.body":
            await send(message)

    return send_or_close
